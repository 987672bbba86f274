"""All environment variables are read together, and all errors in them are reported at once."""

import os
import traceback
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import Environment, read_environment
from embedded.environment import service_environment

COMPLETE = service_environment(
    database_url="postgres://ana:secret@db.example:5432/conversations",
    sqs_url="http://127.0.0.1:4566",
    dynamodb_url="http://127.0.0.1:4566",
    control_url="redis://127.0.0.1:6379/0",
    lake=Path("/var/lake"),
)
REQUIRED_NAMES = [
    name for name, setting in Environment.model_fields.items() if setting.is_required()
]


def read_from(environment: dict[str, str]) -> Environment:
    """Return the settings of an environment that has only these variables."""
    with patch.dict(os.environ, environment, clear=True):
        return read_environment()


def problems(environment: dict[str, str]) -> list[str]:
    """Read this environment, which must fail, and return the sentences of its error."""
    with pytest.raises(ImproperlyConfigured) as caught:
        read_from(environment)
    title, *sentences = str(caught.value).splitlines()
    assert title == "The environment has errors:"
    return sentences


def test_a_complete_environment_sets_every_setting() -> None:
    environment = read_from(COMPLETE)

    assert environment.DATABASE_URL["HOST"] == "db.example"
    assert environment.DEFAULT_TIMEZONE == "America/Sao_Paulo"
    assert environment.DJANGO_DEBUG is False
    assert environment.SQS_CONVERSATION_VISIBILITY_TIMEOUT == 60


@pytest.mark.parametrize("name", REQUIRED_NAMES)
@pytest.mark.parametrize("empty", [True, False], ids=["empty", "missing"])
def test_a_missing_setting_is_reported_with_an_example(name: str, empty: bool) -> None:
    environment = {**COMPLETE, name: ""}
    if not empty:
        del environment[name]

    (sentence,) = problems(environment)

    assert sentence.startswith(f"{name}: is not set. Set it to ")
    assert "for example" in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SQS_CONVERSATION_QUEUE_URL", "conversations.fifo"),
        ("SQS_CONVERSATION_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/1/conversations"),
        ("SQS_CONVERSATION_QUEUE_URL", "sqs://host/conversations.fifo"),
        ("SQS_CONVERSATION_QUEUE_URL", "http://[/conversations.fifo"),
        ("SQS_CONVERSATION_DLQ_URL", "https://sqs.us-east-1.amazonaws.com/1/conversations-dlq"),
        ("DATABASE_URL", "mysql://ana:secret@db/conversations"),
        ("DATABASE_URL", "postgres://ana:secret@db"),
        ("DATABASE_URL", "postgres://ana:secret@db:port/conversations"),
        ("DATABASE_URL", "postgres://ana:sec/ret@db:5432/conversations"),
        ("DATABASE_URL", "postgres://ana:sec#ret@db:5432/conversations"),
        ("SECRET_KEY", "secret"),
        ("SECRET_KEY", "changeme" * 10),
        ("SECRET_KEY", "django-insecure-" + "abcdefghijklmnopqrstuvwxyz" * 2),
        ("DATALAKE_URL", "file://relative/lake"),
        ("DATALAKE_URL", "file:///"),
        ("DATALAKE_URL", "s3://bucket"),
        ("AGENT_UUID_CSAT", "42"),
        ("AGENT_UUID_NPS", "agent"),
        ("SQS_CONVERSATION_VISIBILITY_TIMEOUT", "1"),
        ("SQS_CONVERSATION_VISIBILITY_TIMEOUT", "43201"),
        ("SQS_CONVERSATION_VISIBILITY_TIMEOUT", "a minute"),
        ("SQS_CONVERSATION_VISIBILITY_TIMEOUT", " 60"),
        ("SQS_CONVERSATION_VISIBILITY_TIMEOUT", "60.0"),
        ("EVENT_ADAPTERS", "sns,kafka"),
        ("WORKER_BATCH_SIZE", "0"),
        ("WORKER_BATCH_SIZE", "26"),
        ("CLOSING_QUIET_PERIOD", "-1"),
        ("CLOSING_MAX_POSTPONE", "PT2H"),
        ("DEFAULT_ARCHIVE_RETENTION", "365"),
        ("DEFAULT_ARCHIVE_RETENTION", "0d"),
        ("RETENTION_AUDIT", "23h"),
        ("RETENTION_DEAD_LETTERS", "-1d"),
        ("RETENTION_CONVERSATIONS", "14d"),
        ("RETENTION_ANSWERS", "36501d"),
        ("METRICS_PORT", "0"),
        ("METRICS_PORT", "65536"),
        ("METRICS_PORT", "None"),
        ("METRICS_ADDRESS", "localhost"),
        ("SENTRY_ENVIRONMENT", "None"),
        ("SENTRY_RELEASE", "a/b"),
        ("DJANGO_STATIC_ROOT", "static"),
        ("DJANGO_HSTS", "domain"),
        ("CONSOLE_ENABLED", "yes"),
        ("CELERY_CONTROL_URL", "amqp://host"),
        ("CELERY_CONTROL_URL", "redis://[::1"),
        ("CELERY_CONTROL_URL", "rediss://:secret@host/0?ssl_cert_reqs=none"),
        ("CELERY_CONTROL_URL", "rediss://:se#cret@host/0"),
        ("CELERY_CONTROL_URL", "redis://127.0.0.1/conversations"),
        ("CELERY_CONTROL_INSECURE", "maybe"),
        ("SENTRY_DSN", "nonsense"),
        ("LOG_LEVEL", "LOUD"),
        ("DJANGO_DEBUG", "maybe"),
        ("TRACING_ENABLED", "otlp"),
    ],
)
def test_a_malformed_setting_is_reported_with_the_required_form(name: str, value: str) -> None:
    (sentence,) = problems({**COMPLETE, name: value})

    assert sentence.startswith(f"{name}: must be ")


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DATABASE_URL", "postgres://ana:pa55/word@db:5432/conversations", "pa55"),
        ("DATABASE_URL", "mysql://ana:pa55word@db/conversations", "pa55word"),
        ("SECRET_KEY", "pa55word", "pa55word"),
        ("CELERY_CONTROL_URL", "redis://:pa55word@valkey.example/0", "pa55word"),
        ("CELERY_CONTROL_URL", "redis://:pa55word@valkey.example/x", "pa55word"),
        ("SENTRY_DSN", "https://pa55word@", "pa55word"),
    ],
)
def test_a_malformed_secret_is_not_quoted(name: str, value: str, secret: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        read_from({**COMPLETE, name: value})

    assert secret not in "".join(traceback.format_exception(caught.value))


def test_secrets_are_not_shown_with_the_other_settings() -> None:
    secrets = {
        "DATABASE_URL": "postgres://ana:pa55word@db:5432/conversations",
        "SECRET_KEY": "pa55word, and more that is neither short nor repeated",
        "CELERY_CONTROL_URL": "rediss://:pa55word@valkey.example/0",
        "SENTRY_DSN": "https://pa55word@sentry.example.org/1",
    }

    shown = repr(read_from({**COMPLETE, **secrets}))

    assert "America/Sao_Paulo" in shown
    assert "pa55word" not in shown


def test_a_setting_with_a_name_in_lower_case_is_not_read() -> None:
    assert read_from({**COMPLETE, "log_level": "ERROR"}).LOG_LEVEL == "INFO"


def test_a_dotenv_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("WORKER_BATCH_SIZE=1\n")
    monkeypatch.chdir(tmp_path)

    assert read_from(COMPLETE).WORKER_BATCH_SIZE == 25


def test_an_unknown_time_zone_is_reported_with_similar_names() -> None:
    (sentence,) = problems({**COMPLETE, "DEFAULT_TIMEZONE": "America/SaoPaulo"})

    assert sentence.startswith('DEFAULT_TIMEZONE: "America/SaoPaulo" is not a time zone of the tz')
    assert "Did you mean America/Sao_Paulo" in sentence


def test_an_unknown_adapter_is_reported_with_the_known_ones() -> None:
    (sentence,) = problems({**COMPLETE, "EVENT_ADAPTERS": "sns, flow_tickets"})

    assert sentence == (
        "EVENT_ADAPTERS: must be names of adapters, separated by commas. "
        '"flow_tickets" is not one of them: flow_ticket, sns.'
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SQS_CONVERSATION_QUEUE", "SQS_CONVERSATION_QUEUE_URL"),
        ("DYNAMODB_TABLE", "DYNAMODB_MESSAGE_TABLE"),
        ("DATALAKE_URI", "DATALAKE_URL"),
        ("AGENT_UUID_CSTA", "AGENT_UUID_CSAT"),
        ("CELERY_CONTROL_URI", "CELERY_CONTROL_URL"),
        ("TRACING_ENABLE", "TRACING_ENABLED"),
        ("EVENT_ADAPTER", "EVENT_ADAPTERS"),
    ],
)
def test_an_unknown_setting_is_reported_with_a_similar_name(name: str, meant: str) -> None:
    (sentence,) = problems({**COMPLETE, name: "x"})

    assert sentence.startswith(f"{name}: there is no such setting.")
    assert f"Did you mean {meant}?" in sentence


def test_variables_of_other_software_are_ignored() -> None:
    others = {"DJANGO_SETTINGS_MODULE": "config.settings", "PATH": "/bin", "AWS_PROFILE": "prod"}
    others["DJANGO_SUPERUSER_PASSWORD"] = "Django's own name"

    assert read_from({**COMPLETE, **others}) == read_from(COMPLETE)


def test_all_errors_are_reported_at_once() -> None:
    environment = {**COMPLETE, "LOG_LEVEL": "LOUD", "DATALAKE_URI": "x", "SECRET_KEY": ""}
    del environment["DYNAMODB_REGION"]

    names = {sentence.partition(":")[0] for sentence in problems(environment)}

    assert names == {"LOG_LEVEL", "DATALAKE_URI", "SECRET_KEY", "DYNAMODB_REGION"}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("DATALAKE_URL", "none", "none"),
        ("TAKEOVER_MAX_DELAY", "2h", timedelta(hours=2)),
        ("DJANGO_DEBUG", "On", True),
        ("DJANGO_DEBUG", "0", False),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("DJANGO_ALLOWED_HOSTS", " a.example, b.example ,", ["a.example", "b.example"]),
        ("DJANGO_DEBUG", "", False),
        ("CELERY_CONTROL_URL", "", ""),
        ("METRICS_PORT", "", None),
        ("METRICS_PORT", "9808", 9808),
        ("METRICS_ADDRESS", "0:0:0:0:0:0:0:1", "::1"),
        ("EVENT_ADAPTERS", "", []),
        ("EVENT_ADAPTERS", " sns, flow_ticket,sns", ["sns", "flow_ticket"]),
        ("WORKER_BATCH_SIZE", "1", 1),
        ("CLOSING_QUIET_PERIOD", "300", timedelta(minutes=5)),
        ("CLOSING_QUIET_PERIOD", "1h30m", timedelta(minutes=90)),
        ("RETENTION_AUDIT", "", None),
        ("RETENTION_AUDIT", "none", None),
        ("RETENTION_DEAD_LETTERS", "30d", timedelta(days=30)),
        ("RETENTION_CONVERSATIONS", "15d", timedelta(days=15)),
        ("DJANGO_STATIC_ROOT", "/app/static", "/app/static"),
        ("DJANGO_HSTS", "", "host"),
        ("DJANGO_HSTS", "Preload", "preload"),
        ("SENTRY_DSN", "https://key@sentry.example.org/1", "https://key@sentry.example.org/1"),
        ("SQS_CONVERSATION_VISIBILITY_TIMEOUT", "43200", 43_200),
        (
            "AGENT_UUID_CSAT",
            "0E6F5C1A6F0C4F0B9D553F3A8C1B7D01",
            "0e6f5c1a-6f0c-4f0b-9d55-3f3a8c1b7d01",
        ),
    ],
)
def test_a_setting_is_parsed_by_its_type(name: str, text: str, value: object) -> None:
    assert getattr(read_from({**COMPLETE, name: text}), name) == value


def test_a_control_broker_on_another_host_needs_a_password_and_tls() -> None:
    sentences = problems({**COMPLETE, "CELERY_CONTROL_URL": "redis://valkey.example:6379/0"})

    assert [sentence.partition(":")[0] for sentence in sentences] == ["CELERY_CONTROL_URL"] * 2
    assert "needs a password" in sentences[0]
    assert "must begin with rediss://" in sentences[1]
    assert "CELERY_CONTROL_INSECURE=true" in sentences[1]


@pytest.mark.parametrize(
    ("url", "insecure"),
    [
        ("rediss://:secret@valkey.example:6379/0", ""),
        ("redis://:secret@valkey.example:6379/0", "true"),
        ("redis://localhost:6379/0", ""),
        ("redis://[::1]:6379/0", ""),
    ],
)
def test_a_protected_control_broker_is_accepted(url: str, insecure: str) -> None:
    environment = {**COMPLETE, "CELERY_CONTROL_URL": url, "CELERY_CONTROL_INSECURE": insecure}

    assert url == read_from(environment).CELERY_CONTROL_URL


def test_a_control_broker_in_a_private_network_needs_a_password_too() -> None:
    url = "redis://valkey:6379/0"
    environment = {**COMPLETE, "CELERY_CONTROL_URL": url, "CELERY_CONTROL_INSECURE": "true"}

    (sentence,) = problems(environment)

    assert "needs a password" in sentence

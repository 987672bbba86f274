"""Wrong AWS settings of a process are found when it starts, without a call to AWS."""

from pathlib import Path

import pytest
from celery.exceptions import ImproperlyConfigured

from celery_sqs_fifo import check_aws_settings


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have two config files, and no credentials."""
    monkeypatch.chdir(tmp_path)
    Path("config").write_text("")
    Path("damaged").write_text("garbage\n[x")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "config")


def check() -> None:
    check_aws_settings(region="us-east-1", config={"retries": {"total_max_attempts": 3}})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("AWS_PROFILE", "nope", "The config profile (nope) could not be found"),
        ("AWS_CONFIG_FILE", "damaged", "Unable to parse config file: "),
        ("AWS_SHARED_CREDENTIALS_FILE", "damaged", "Unable to parse config file: "),
        ("AWS_ACCESS_KEY_ID", "key", "Partial credentials found in env, missing: AWS_SECRET"),
        ("AWS_RETRY_MODE", "often", 'Invalid value provided to "mode": "often"'),
        ("AWS_ENDPOINT_URL_SQS", "queue", "Invalid endpoint: queue"),
    ],
)
def test_wrong_settings_are_refused_with_the_reason(
    name: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured) as refusal:
        check()

    assert str(refusal.value).startswith(f"The AWS settings are wrong: {reason}")
    assert "Correct the variables AWS_*" in str(refusal.value)


def test_credentials_are_not_fetched() -> None:
    Path("config").write_text("[default]\ncredential_process = touch fetched\n")

    check()

    assert not Path("fetched").exists()

"""Reads the settings from the environment. The only place that does."""

import difflib
import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.variables import REQUIRED, SETTINGS, Setting

OUR_PREFIXES = (
    "SQS_CONVERSATION_",
    "DYNAMODB_",
    "DATALAKE_",
    "AGENT_UUID_",
    "CELERY_CONTROL_",
    "WORKER_",
    "CLOSING_",
    "CONSOLE_",
    "METRICS_",
    "TRACING_",
)


def read(environment: Mapping[str, str]) -> dict[str, Any]:
    """The value of every setting, defaults filled in; an empty variable counts as absent.

    Raises ImproperlyConfigured with one sentence for each setting that is missing, malformed or
    unknown, so that all of them can be mended at once.
    """
    values: dict[str, Any] = {}
    problems = _unknown(environment)
    for setting in SETTINGS:
        text = environment.get(setting.name, "")
        try:
            values[setting.name] = _value(setting, text)
        except ValueError as error:
            problems.append(f"{setting.name}: {error}")
    if not problems:
        problems += _contradictions(values)
    if problems:
        raise ImproperlyConfigured("\n".join(["The environment needs mending:", *problems]))
    return values


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if values["SQS_CONVERSATION_DLQ_URL"] == values["SQS_CONVERSATION_QUEUE_URL"]:
        problems.append("SQS_CONVERSATION_DLQ_URL: must be another queue than the events' own.")
    problems += _open_to_strangers(
        urlsplit(values["CELERY_CONTROL_URL"]), may_be_plain=values["CELERY_CONTROL_INSECURE"]
    )
    return problems


def _open_to_strangers(control: SplitResult, *, may_be_plain: bool) -> list[str]:
    """Whoever reaches the control broker can stop workers and quarantine events."""
    if not control.hostname or _is_loopback(control.hostname):
        return []
    problems = []
    if not control.password:
        problems.append(
            "CELERY_CONTROL_URL: needs a password, as in rediss://:password@host:6379/0: whoever "
            "reaches this broker can stop the workers."
        )
    if control.scheme != "rediss" and not may_be_plain:
        problems.append(
            "CELERY_CONTROL_URL: must begin with rediss:// (TLS), because the broker is on another "
            "host. Inside a private network set CELERY_CONTROL_INSECURE=true instead."
        )
    return problems


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _value(setting: Setting, text: str) -> Any:
    if text:
        return setting.parse(text)
    if setting.default is REQUIRED:
        raise ValueError(f"is not set. Set it to {setting.meaning}, for example {setting.example}.")
    return setting.default


def _unknown(environment: Mapping[str, str]) -> list[str]:
    names = [setting.name for setting in SETTINGS]
    unknown = [name for name in environment if name.startswith(OUR_PREFIXES) and name not in names]
    return [_unknown_sentence(name, names) for name in sorted(unknown)]


def _unknown_sentence(name: str, names: list[str]) -> str:
    nearest = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    return f"{name}: there is no such setting.{hint} Unset it or correct its name."

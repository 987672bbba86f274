"""Descriptions of what is wrong with the environment, one sentence for each variable."""

import difflib
from collections.abc import Collection, Iterable, Mapping

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

SETTING_PREFIXES = (
    "SQS_CONVERSATION_",
    "DYNAMODB_",
    # Other software has variables with the prefix DATABASE_, too.
    "DATABASE_PASSWORD",
    "DATABASE_SECRET",
    "DATABASE_IAM",
    "DATABASE_URL_",
    "SECRET_KEY_",
    "DATALAKE_",
    "AGENT_UUID_",
    "CELERY_CONTROL_",
    "EVENT_ADAPTER",
    "WORKER_",
    "CLOSING_",
    "MESSAGE_STATUS",
    "CONSOLE_",
    "METRICS_",
    "TRACING_",
)


def describe_unknown(environment: Iterable[str], *, known: list[str]) -> list[str]:
    """Return a sentence for each variable with a prefix of our settings that is not a setting."""
    return [
        _describe_unknown(name, known=known)
        for name in sorted(environment)
        if name.startswith(SETTING_PREFIXES) and name not in known
    ]


def _describe_unknown(name: str, *, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    return f"{name}: there is no such setting.{hint} Unset it or correct its name."


def describe_invalid(
    error: ValidationError, *, fields: Mapping[str, FieldInfo], in_files: Collection[str]
) -> list[str]:
    """Return a sentence for each setting that is missing or malformed, and each contradiction.

    The settings `in_files` are not missing: their files are wrong.
    """
    return [
        _describe_invalid(details, fields)
        for details in error.errors(include_url=False)
        if details["type"] != "missing" or details["loc"][0] not in in_files
    ]


def _describe_invalid(details: ErrorDetails, fields: Mapping[str, FieldInfo]) -> str:
    # The validator's own sentence. pydantic's message would prefix it with "Value error".
    sentence = str(details.get("ctx", {}).get("error", details["msg"]))
    if not details["loc"]:
        # The sentence about a contradiction names its settings.
        return sentence
    name = str(details["loc"][0])
    if details["type"] == "missing":
        example = (fields[name].examples or [""])[0]
        sentence = f"is not set. Set it to {fields[name].description}, for example {example}."
        if not fields[name].repr:
            sentence += f" Or set {name}_FILE to the path of a file that contains it."
    return f"{name}: {sentence}"

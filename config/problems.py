"""What is wrong with an environment: a sentence for each problem, with the name of the variable."""

import difflib
from collections.abc import Iterable, Mapping

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

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


def unknown(environment: Iterable[str], *, fields: Mapping[str, FieldInfo]) -> list[str]:
    """Return a sentence for each variable that begins like ours and is none of them."""
    return [
        _unknown(name, known=list(fields))
        for name in sorted(environment)
        if name.startswith(OUR_PREFIXES) and name not in fields
    ]


def _unknown(name: str, *, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    return f"{name}: there is no such setting.{hint} Unset it or correct its name."


def invalid(error: ValidationError, *, fields: Mapping[str, FieldInfo]) -> list[str]:
    """Return a sentence for each setting that is missing or malformed, and each contradiction."""
    return [_invalid(details, fields) for details in error.errors(include_url=False)]


def _invalid(details: ErrorDetails, fields: Mapping[str, FieldInfo]) -> str:
    # A validator's own sentence, which pydantic begins with "Value error" in its message.
    said = str(details.get("ctx", {}).get("error", details["msg"]))
    if not details["loc"]:
        # Contradictions name their settings themselves.
        return said
    name = str(details["loc"][0])
    if details["type"] == "missing":
        example = (fields[name].examples or [""])[0]
        said = f"is not set. Set it to {fields[name].description}, for example {example}."
    return f"{name}: {said}"

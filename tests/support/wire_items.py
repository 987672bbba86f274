"""Requests and answers of DynamoDB in JSON, which has binary values in base64."""

from base64 import b64decode, b64encode
from typing import Any


def as_sent(value: Any) -> Any:
    """Return a request, or a part of it, as boto3 sends it."""
    match value:
        case bytes():
            return b64encode(value).decode()
        case dict():
            return {name: as_sent(one) for name, one in value.items()}
        case list():
            return [as_sent(one) for one in value]
        case _:
            return value


def as_received(value: Any) -> Any:
    """Return an answer, or a part of it, as boto3 returns it."""
    match value:
        case {"B": str(data)}:
            return {"B": b64decode(data)}
        case dict():
            return {name: as_received(one) for name, one in value.items()}
        case list():
            return [as_received(one) for one in value]
        case _:
            return value

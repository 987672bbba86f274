"""How the store reports errors of DynamoDB."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from django.conf import settings

from apps.common.aws import dynamodb_client
from apps.common.errors import Unavailable
from apps.messages import message_table, store
from tests.support.builders import HOME, NOON, entries, entry, target
from tests.support.stored import store_many, written_entries

pytestmark = pytest.mark.usefixtures("stack")

CONVERSATION = UUID("11111111-1111-4111-8111-111111111111")
ENDPOINT = "http://127.0.0.1:9"
Send = Callable[[Any, dict[str, Any]], Any]
CALLS: dict[str, Callable[[], Any]] = {
    "PutItem": lambda: store.put(target=target(CONVERSATION), entry=entry(), now=NOON),
    "Query": lambda: list(store.batches(CONVERSATION)),
    "BatchWriteItem": lambda: store.put_all(entries=[(target(CONVERSATION), entry())], now=NOON),
    "GetItem": lambda: message_table.exists(
        message_table.key(conversation_uuid=CONVERSATION, sort_key="k")
    ),
    "probe": lambda: message_table.probe(worker="w", now=NOON),
}


@contextmanager
def answering(answer: Send) -> Iterator[None]:
    """Answer every call of this process's client with this function."""
    client: Any = dynamodb_client()
    former = client._make_api_call
    client._make_api_call = answer
    try:
        yield
    finally:
        client._make_api_call = former


def failing(error: Exception) -> Send:
    def send(_operation: Any, _parameters: dict[str, Any]) -> Any:
        raise error

    return send


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "what the item held"}}, "PutItem")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "error",
    [
        client_error("ProvisionedThroughputExceededException"),
        client_error("ThrottlingException"),
        client_error("InternalServerError"),
        client_error("ResourceNotFoundException"),
        client_error("ExpiredTokenException"),
        ConnectTimeoutError(endpoint_url=ENDPOINT),
        ReadTimeoutError(endpoint_url=ENDPOINT),
        EndpointConnectionError(endpoint_url=ENDPOINT),
        NoCredentialsError(),
    ],
    ids=repr,
)
def test_an_error_that_may_pass_is_unavailable(call: Callable[[], Any], error: Exception) -> None:
    with answering(failing(error)), pytest.raises(Unavailable) as caught:
        call()

    assert caught.value.dependency == "DynamoDB"
    assert "what the item held" not in str(caught.value)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "error",
    [
        client_error("ValidationException"),
        client_error("SerializationException"),
        ParamValidationError(report="a wrong type"),
    ],
    ids=["validation", "serialization", "parameters"],
)
def test_an_error_in_our_request_is_a_bug(call: Callable[[], Any], error: Exception) -> None:
    with answering(failing(error)), pytest.raises(type(error)):
        call()


def test_a_missing_table_is_unavailable(settings: Any) -> None:
    settings.DYNAMODB_MESSAGE_TABLE = "another_table"

    with pytest.raises(Unavailable, match="ResourceNotFoundException"):
        message_table.probe(worker="w", now=NOON)


class Overloaded:
    """A DynamoDB that leaves the last request of a batch unprocessed, `times` times."""

    def __init__(self, *, times: int) -> None:
        self._times = times
        self._send = dynamodb_client()._make_api_call  # type: ignore[attr-defined]
        self.batches: list[int] = []

    def __call__(self, operation: Any, parameters: dict[str, Any]) -> Any:
        if operation != "BatchWriteItem":
            return self._send(operation, parameters)
        table = settings.DYNAMODB_MESSAGE_TABLE
        requests = list(parameters["RequestItems"][table])
        self.batches.append(len(requests))
        undone = [requests.pop()] if len(self.batches) <= self._times else []
        if requests:
            self._send(operation, {"RequestItems": {table: requests}})
        return {"UnprocessedItems": {table: undone} if undone else {}}


@pytest.fixture
def pauses(aws: None, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of the store, which are recorded instead of waited for."""
    pauses: list[float] = []
    monkeypatch.setattr("apps.messages.message_table.time.sleep", pauses.append)
    return pauses


def test_unprocessed_requests_of_a_batch_are_sent_again(pauses: list[float]) -> None:
    store_many(conversation_uuid=CONVERSATION, home=HOME, entries=entries(number=3))
    overloaded = Overloaded(times=2)

    with answering(overloaded):
        store.delete_conversation(CONVERSATION)

    assert overloaded.batches == [3, 1, 1]
    assert len(pauses) == 2
    assert pauses == sorted(pauses)
    assert written_entries(conversation_uuid=CONVERSATION) == []


def test_unprocessed_messages_of_a_batch_are_written_later(pauses: list[float]) -> None:
    overloaded = Overloaded(times=2)

    with answering(overloaded):
        store_many(conversation_uuid=CONVERSATION, home=HOME, entries=entries(number=3))

    assert overloaded.batches == [3, 1, 1]
    assert written_entries(conversation_uuid=CONVERSATION) == entries(number=3)


def test_a_batch_that_stays_unprocessed_is_unavailable(pauses: list[float]) -> None:
    with answering(Overloaded(times=1_000)), pytest.raises(Unavailable, match="unprocessed"):
        store_many(conversation_uuid=CONVERSATION, home=HOME, entries=entries(number=3))

    assert sum(pauses) < 30

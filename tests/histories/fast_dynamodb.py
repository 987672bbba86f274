"""The strict model of DynamoDB in this process, with the interface of boto3's client."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from apps.common import aws
from operations.provisioning import table_definition
from testbed.dynamodb.accounts import Accounts
from testbed.dynamodb.actions import Actions
from testbed.dynamodb.items import Refused
from tests.support.wire_items import as_received, as_sent


class FastDynamoDb:
    """A client of its own table, without a network. Refuses what the model's server refuses."""

    class exceptions:  # noqa: N801 (boto3's name)
        """The exceptions of the client."""

        class ConditionalCheckFailedException(ClientError):
            """The item exists."""

    def __init__(self, *, table: str) -> None:
        self._actions = Actions(accounts=Accounts(), clock=lambda: 0.0)
        self._actions.answer("CreateTable", {**table_definition(table)})

    def put_item(self, **request: Any) -> Any:
        """Write an item."""
        return self._answer("PutItem", request)

    def get_item(self, **request: Any) -> Any:
        """Return an item."""
        return self._answer("GetItem", request)

    def query(self, **request: Any) -> Any:
        """Return a page of items."""
        return self._answer("Query", request)

    def batch_write_item(self, **request: Any) -> Any:
        """Write items."""
        return self._answer("BatchWriteItem", request)

    def _answer(self, action: str, request: dict[str, Any]) -> Any:
        try:
            return as_received(self._actions.answer(action, as_sent(request)))
        except Refused as refused:
            error = getattr(self.exceptions, refused.code, ClientError)
            response: Any = {"Error": {"Code": refused.code, "Message": refused.message}}
            raise error(response, action) from refused


@contextmanager
def fast_dynamodb(monkeypatch: pytest.MonkeyPatch, *, table: str) -> Iterator[None]:
    """Replace DynamoDB's client with the model in this process."""
    model = FastDynamoDb(table=table)
    with monkeypatch.context() as patch:
        patch.setattr(aws, "dynamodb_client", lambda **_options: model)
        yield

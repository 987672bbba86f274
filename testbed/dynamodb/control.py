"""The requests of the control interface that only the model of DynamoDB has."""

from collections.abc import Mapping
from typing import Any

from testbed.dynamodb.accounts import Accounts
from testbed.dynamodb.table import Table
from testbed.server.control import Fields, Routes


class Control:
    """Reports calls, writes and items."""

    def __init__(self, *, tables: Mapping[str, Table], accounts: Accounts) -> None:
        self._tables = tables
        self._accounts = accounts

    def routes(self) -> Routes:
        """Return the handlers by method and path."""
        return {
            ("GET", "/calls"): self._calls,
            ("DELETE", "/calls"): self._reset_calls,
            ("GET", "/writes"): self._writes,
            ("GET", "/writes/count"): self._count_writes,
            ("GET", "/items"): self._items,
        }

    async def _calls(self, _fields: Fields) -> dict[str, Any]:
        return self._accounts.as_json()

    async def _reset_calls(self, _fields: Fields) -> None:
        self._accounts.reset()

    async def _writes(self, fields: Fields) -> list[Any]:
        return self._accounts.writes.get(fields["table"], [])

    async def _count_writes(self, fields: Fields) -> int:
        return len(self._accounts.writes.get(fields["table"], ()))

    async def _items(self, fields: Fields) -> list[Any]:
        table = self._tables.get(fields["table"])
        return [item for item, _ in table.scan(after=None)] if table else []

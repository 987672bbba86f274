"""The data lake: one small interface, and the client that DATALAKE_URL names."""

from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from apps.analytics.datalake.files import FileDataLake

LakeEvent = dict[str, Any]


class DataLake(Protocol):
    """Where events for analysis go."""

    def send(self, events: Sequence[LakeEvent]) -> None:
        """Deliver all of these events, at least once. Raises Unavailable if that failed."""


def data_lake(url: str) -> DataLake:
    """The client for a DATALAKE_URL such as `file:///var/lake`.

    Raises ValueError for a URL that none of the clients takes.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path and not parts.netloc:
        return FileDataLake(url2pathname(parts.path))
    raise ValueError("DATALAKE_URL must be file:// and an absolute path, as in file:///var/lake")

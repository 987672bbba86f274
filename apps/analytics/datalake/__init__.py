"""The interface of the data lake, and its clients. DATALAKE_URL selects the client."""

from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from apps.analytics.datalake.files import FileDataLake
from apps.analytics.datalake.firehose import FirehoseDataLake
from apps.analytics.datalake.interface import DataLake, LakeEvent, Refused

__all__ = ["OFF", "DataLake", "LakeEvent", "Refused", "data_lake", "is_off"]

# The DATALAKE_URL with which answers are recorded and not sent.
OFF = "none"


def is_off() -> bool:
    """Return whether this installation sends nothing to a data lake."""
    return bool(settings.DATALAKE_URL == OFF)


def data_lake(url: str) -> DataLake:
    """Return the client for a DATALAKE_URL such as `file:///var/lake`, without connecting.

    Raise ValueError, with a message that says what to set or install instead.
    """
    try:
        address = urlsplit(url)
        client = _CLIENTS[address.scheme]
    except (ValueError, KeyError):
        raise ValueError(
            "must be file:///PATH, firehose://STREAM or weni://HOST:PORT, as in file:///var/lake; "
            f"or {OFF}, to send nothing."
        ) from None
    return client(address)


def _weni(address: SplitResult) -> DataLake:
    try:
        # An optional package. Importing its gRPC takes a third of a second.
        from apps.analytics.datalake.weni import WeniDataLake
    except ImportError as error:
        raise ValueError(
            "weni:// needs the package weni-datalake-sdk, installed without its dependencies: "
            "pip install --no-deps --require-hashes --requirement requirements/weni.txt; "
            "an image has it if it is built with --build-arg EXTRAS=weni"
        ) from error
    return WeniDataLake.at(address)


_CLIENTS: dict[str, Callable[[SplitResult], DataLake]] = {
    "file": FileDataLake.at,
    "firehose": FirehoseDataLake.at,
    "weni": _weni,
}

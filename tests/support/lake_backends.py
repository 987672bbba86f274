"""The three data lakes for which the contract tests run, each with a way to read and break it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import boto3
import grpc
import pytest

from apps.analytics.datalake import LakeEvent
from apps.common.aws import FIREHOSE_MAX_RECORD_BYTES, client_of_process
from tests.support.lake_events import lake_event
from tests.support.lake_weni_server import WeniServer, failing, weni_server

REGION = "us-east-1"
# Nothing listens on this port.
UNREACHABLE = "http://127.0.0.1:9"


class Backend(Protocol):
    """A running data lake."""

    @property
    def url(self) -> str:
        """The value of DATALAKE_URL for this lake."""

    def arrived(self) -> list[LakeEvent]:
        """Return every event of the lake, in the order of the batches."""

    def break_down(self) -> None:
        """Make the lake unavailable."""

    def mend(self) -> None:
        """Make the lake available again, with the same events."""


class RefusingBackend(Backend, Protocol):
    """A lake that always refuses some events."""

    def unacceptable(self, number: int) -> LakeEvent:
        """Return an event that the lake always refuses."""


class FileBackend:
    """Files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.url = folder.as_uri()
        self._folder = folder
        self._aside = folder.with_name("aside")

    def arrived(self) -> list[LakeEvent]:
        """See `Backend`."""
        return [
            json.loads(line)
            for path in sorted(self._folder.rglob("*.jsonl"))
            for line in path.read_text(encoding="utf-8").split("\n")[:-1]
        ]

    def break_down(self) -> None:
        """See `Backend`: a file stands where the folder was."""
        self._folder.mkdir(exist_ok=True)
        shutil.move(self._folder, self._aside)
        self._folder.touch()

    def mend(self) -> None:
        """See `Backend`."""
        self._folder.unlink()
        shutil.move(self._aside, self._folder)


@dataclass(kw_only=True)
class FirehoseBackend:
    """A delivery stream of moto that writes to a bucket of moto."""

    stream: str
    endpoint: str
    s3: Any
    monkeypatch: pytest.MonkeyPatch

    @property
    def url(self) -> str:
        """See `Backend`. Without a region, the region of the queue is used."""
        return f"firehose://{self.stream}"

    def arrived(self) -> list[LakeEvent]:
        """See `Backend`."""
        objects = self.s3.list_objects_v2(Bucket=self.stream).get("Contents", [])
        return [
            json.loads(line)
            for item in sorted(objects, key=lambda item: item["LastModified"])
            for line in self._text(item["Key"]).split("\n")[:-1]
        ]

    def break_down(self) -> None:
        """See `Backend`."""
        self._lead_to(UNREACHABLE)

    def mend(self) -> None:
        """See `Backend`."""
        self._lead_to(self.endpoint)

    def unacceptable(self, number: int) -> LakeEvent:
        """See `RefusingBackend`: the event is too large for a record."""
        return lake_event(number, value="x" * FIREHOSE_MAX_RECORD_BYTES)

    def _lead_to(self, endpoint: str) -> None:
        self.monkeypatch.setenv("AWS_ENDPOINT_URL_FIREHOSE", endpoint)
        client_of_process.cache_clear()

    def _text(self, key: str) -> str:
        return str(self.s3.get_object(Bucket=self.stream, Key=key)["Body"].read().decode())


@dataclass(kw_only=True)
class WeniBackend:
    """A local gRPC server."""

    server: WeniServer

    @property
    def url(self) -> str:
        """See `Backend`."""
        return f"weni://{self.server.target}"

    def arrived(self) -> list[LakeEvent]:
        """See `Backend`."""
        return self.server.arrived()

    def break_down(self) -> None:
        """See `Backend`."""
        self.server.stop()

    def mend(self) -> None:
        """See `Backend`."""
        self.server.start()

    def unacceptable(self, number: int) -> LakeEvent:
        """See `RefusingBackend`: the server rejects the event as malformed."""
        self.server.behaviour = failing(grpc.StatusCode.INVALID_ARGUMENT, value="malformed")
        return lake_event(number, value="malformed")


@contextmanager
def firehose_backend(
    *, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FirehoseBackend]:
    """Create a stream and its bucket on the moto server at this address."""
    stream = f"lake-{uuid4().hex[:12]}"
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name=REGION)
    s3.create_bucket(Bucket=stream)
    admin: Any = boto3.client("firehose", endpoint_url=endpoint, region_name=REGION)
    admin.create_delivery_stream(
        DeliveryStreamName=stream,
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/firehose",
            "BucketARN": f"arn:aws:s3:::{stream}",
        },
    )
    backend = FirehoseBackend(stream=stream, endpoint=endpoint, s3=s3, monkeypatch=monkeypatch)
    backend.mend()
    try:
        yield backend
    finally:
        admin.delete_delivery_stream(DeliveryStreamName=stream)
        client_of_process.cache_clear()


@contextmanager
def weni_backend() -> Iterator[WeniBackend]:
    """Run a server."""
    with weni_server() as server:
        yield WeniBackend(server=server)

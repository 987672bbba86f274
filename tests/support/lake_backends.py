"""The three data lakes of the contract tests, each with functions to read it and to break it.

`url` is the value of DATALAKE_URL. `arrived` returns every event, in the order of the batches.
`break_down` makes the lake unavailable; `mend` makes it available again, with the same events.
`unacceptable` returns an event that the lake always refuses.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
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


class FileBackend:
    """Files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.url = folder.as_uri()
        self._folder = folder
        self._aside = folder.with_name("aside")

    def arrived(self) -> list[LakeEvent]:
        return [
            json.loads(line)
            for path in sorted(self._folder.rglob("*.jsonl"))
            for line in path.read_text(encoding="utf-8").split("\n")[:-1]
        ]

    def break_down(self) -> None:
        # A file in the place of the folder makes every write fail.
        self._folder.mkdir(exist_ok=True)
        shutil.move(self._folder, self._aside)
        self._folder.touch()

    def mend(self) -> None:
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
        # Without a region, the region of the queue is used.
        return f"firehose://{self.stream}"

    def arrived(self) -> list[LakeEvent]:
        objects = self.s3.list_objects_v2(Bucket=self.stream).get("Contents", [])
        return [
            json.loads(line)
            for item in sorted(objects, key=lambda item: item["LastModified"])
            for line in self._text(item["Key"]).split("\n")[:-1]
        ]

    def break_down(self) -> None:
        self._use_endpoint(UNREACHABLE)

    def mend(self) -> None:
        self._use_endpoint(self.endpoint)

    def unacceptable(self, number: int) -> LakeEvent:
        # The event is too large for a record.
        return lake_event(number, value="x" * FIREHOSE_MAX_RECORD_BYTES)

    def _use_endpoint(self, endpoint: str) -> None:
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
        return f"weni://{self.server.target}"

    def arrived(self) -> list[LakeEvent]:
        return self.server.arrived()

    def break_down(self) -> None:
        self.server.stop()

    def mend(self) -> None:
        self.server.start()

    def unacceptable(self, number: int) -> LakeEvent:
        self.server.behaviour = failing(grpc.StatusCode.INVALID_ARGUMENT, value="malformed")
        return lake_event(number, value="malformed")


RefusingBackend = FirehoseBackend | WeniBackend
Backend = FileBackend | RefusingBackend


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

"""The three lakes that the contract suite runs against, each with a way to look and to break it."""

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
# A discard port: nothing listens there.
NOBODY = "http://127.0.0.1:9"


class Backend(Protocol):
    """A running data lake."""

    @property
    def url(self) -> str:
        """What DATALAKE_URL says of it."""

    def arrived(self) -> list[LakeEvent]:
        """Every event that it has, in the order in which each batch came."""

    def break_down(self) -> None:
        """From now on nobody answers."""

    def mend(self) -> None:
        """It answers again, and has what it had."""


class RefusingBackend(Backend, Protocol):
    """A lake that refuses some events for ever."""

    def unacceptable(self, number: int) -> LakeEvent:
        """An event that it will never take."""


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
    """A stream of moto's that delivers into a bucket of moto's."""

    stream: str
    endpoint: str
    s3: Any
    monkeypatch: pytest.MonkeyPatch

    @property
    def url(self) -> str:
        """See `Backend`; without a region, that of the queue counts."""
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
        self._lead_to(NOBODY)

    def mend(self) -> None:
        """See `Backend`."""
        self._lead_to(self.endpoint)

    def unacceptable(self, number: int) -> LakeEvent:
        """See `RefusingBackend`: larger than a record may be."""
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
        """See `RefusingBackend`: the server finds it malformed."""
        self.server.behaviour = failing(grpc.StatusCode.INVALID_ARGUMENT, value="malformed")
        return lake_event(number, value="malformed")


@contextmanager
def firehose_backend(
    *, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FirehoseBackend]:
    """A new stream and its bucket on the moto server at that address."""
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
    """A running server, stopped at the end."""
    with weni_server() as server:
        yield WeniBackend(server=server)

"""A data lake behind Amazon Data Firehose: one line of JSON for each event."""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Self
from urllib.parse import SplitResult

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from django.conf import settings

from apps.analytics.datalake.interface import LakeEvent, Refused, lake_is_unavailable
from apps.common.lossless_json import dump

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient

# PutRecordBatch takes at most 500 records of 1,000 KiB before base64 and 4 MiB in all (Amazon Data
# Firehose, "Quota"). Less than that here: base64 adds a third, and the request's JSON a little.
LARGEST_RECORD = 1_000 * 1024
LARGEST_CALL_RECORDS = 500
LARGEST_CALL_BYTES = 3_000_000

ATTEMPTS = 6
FIRST_PAUSE = 0.1

_STREAM = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_REGION = re.compile(r"region=([a-z0-9-]+)")


class FirehoseDataLake:
    """Puts events as records on a Firehose stream.

    Records that a call fails to take are sent again alone, so that only then order may change.
    """

    largest_batch = LARGEST_CALL_RECORDS

    def __init__(
        self, *, stream: str, region: str | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`region` None is that of the events' queue. `sleep` takes seconds."""
        self._stream = stream
        self._region = region
        self._sleep = sleep

    @classmethod
    def at(cls, address: SplitResult) -> Self:
        """The lake at `firehose://STREAM[?region=REGION]`; raises ValueError for anything else."""
        region = _REGION.fullmatch(address.query)
        if (
            not _STREAM.fullmatch(address.netloc)
            or address.path
            or address.fragment
            or (address.query and not region)
        ):
            raise ValueError(
                "must be firehose:// and the name of a stream, with its region if that is not the "
                "queue's, as in firehose://conversations?region=us-east-1."
            )
        return cls(stream=address.netloc, region=region[1] if region else None)

    def send(self, events: Sequence[LakeEvent]) -> None:
        """See `DataLake.send`. An event is refused if it is larger than a record may be."""
        records: list[bytes] = []
        refused: dict[str, str] = {}
        for event in events:
            record = f"{dump(event)}\n".encode()
            if len(record) <= LARGEST_RECORD:
                records.append(record)
            else:
                refused[event["event_id"]] = "too_large"
        for call in _calls(records):
            self._put(call)
        if refused:
            raise Refused(refused)

    def _put(self, records: list[bytes]) -> None:
        """PutRecordBatch until nothing is left: an answer of 200 may say that some failed."""
        codes: set[str] = set()
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            with _firehose_may_be_unavailable():
                answer = self._client().put_record_batch(
                    DeliveryStreamName=self._stream,
                    Records=[{"Data": record} for record in records],
                )
            results = answer["RequestResponses"]
            codes = {result["ErrorCode"] for result in results if result.get("ErrorCode")}
            records = [
                record
                for record, result in zip(records, results, strict=True)
                if result.get("ErrorCode")
            ]
            if not records:
                return
        raise lake_is_unavailable(f"Firehose leaves records out: {', '.join(sorted(codes))}")

    def _client(self) -> "FirehoseClient":
        return client_of_process(os.getpid(), self._region or settings.SQS_CONVERSATION_REGION)


@cache
def client_of_process(_process_id: int, region: str) -> "FirehoseClient":
    """One client for each process: making one costs over 10 ms, and a fork must not share it."""
    return boto3.client(
        "firehose",
        region_name=region,
        config=Config(
            connect_timeout=2,
            read_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )


def _calls(records: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The records in their order, in as few calls as the limits allow."""
    call: list[bytes] = []
    size = 0
    for record in records:
        if len(call) == LARGEST_CALL_RECORDS or size + len(record) > LARGEST_CALL_BYTES:
            yield call
            call, size = [], 0
        call.append(record)
        size += len(record)
    if call:
        yield call


@contextmanager
def _firehose_may_be_unavailable() -> Iterator[None]:
    """Turn every answer but success into Unavailable.

    Firehose does not look into records: what it says of a call is about the stream, its rights or
    its state. Somebody mends that, and the events wait.
    """
    try:
        yield
    except ClientError as error:
        raise lake_is_unavailable(error.response["Error"]["Code"]) from error
    except ParamValidationError:
        raise
    except BotoCoreError as error:
        raise lake_is_unavailable(type(error).__name__) from error

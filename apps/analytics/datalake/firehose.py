"""A data lake that Amazon Data Firehose fills, with one line of JSON for each event."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Self
from urllib.parse import SplitResult

from django.conf import settings

from apps.analytics.datalake.interface import (
    LAKE,
    DataLake,
    LakeEvent,
    Refused,
    lake_is_unavailable,
)
from apps.common import aws
from apps.common.lossless_json import dump

# Below the limit of Firehose, because base64 adds a third and the request's JSON a little.
MAX_CALL_BYTES = 3_000_000

ATTEMPTS = 6
FIRST_PAUSE = 0.1

_STREAM = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_REGION = re.compile(r"region=([a-z0-9-]+)")


class FirehoseDataLake(DataLake):
    """A data lake that puts events as records on a Firehose stream.

    If a call fails for some of its records, only these records are sent again. Events arrive out of
    order only in this case.
    """

    max_batch_size = aws.FIREHOSE_MAX_BATCH_RECORDS

    def __init__(
        self, *, stream: str, region: str | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`region` defaults to the region of the events' queue. `sleep` takes seconds."""
        self._stream = stream
        self._region = region
        self._sleep = sleep

    @classmethod
    def at(cls, address: SplitResult) -> Self:
        """Return the lake at `firehose://STREAM[?region=REGION]`.

        Raise ValueError for any other address.
        """
        region = _REGION.fullmatch(address.query)
        if (
            not _STREAM.fullmatch(address.netloc)
            or address.path
            or address.fragment
            or (address.query and not region)
        ):
            raise ValueError(
                "must be firehose:// and the name of a stream, as in firehose://conversations. If "
                "its region is not the queue's, append it, as in ?region=us-east-1."
            )
        return cls(stream=address.netloc, region=region[1] if region else None)

    def send(self, events: Sequence[LakeEvent]) -> None:
        """See `DataLake.send`. Refuses events that are larger than a record may be."""
        records: list[bytes] = []
        refused: dict[str, str] = {}
        for event in events:
            record = f"{dump(event)}\n".encode()
            if len(record) <= aws.FIREHOSE_MAX_RECORD_BYTES:
                records.append(record)
            else:
                refused[event["event_id"]] = "too_large"
        for call in _calls(records):
            self._put(call)
        if refused:
            raise Refused(refused)

    def _put(self, records: list[bytes]) -> None:
        """Send records with PutRecordBatch; repeat it for records that failed.

        A call can fail for some of its records and still return status 200. Raise Unavailable if
        records fail in the last attempt.
        """
        region = self._region or settings.SQS_CONVERSATION_REGION
        codes: set[str] = set()
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            # Firehose does not inspect records, so an error of a call is never about an event. The
            # events wait until the stream works again.
            with aws.may_be_unavailable(LAKE):
                answer = aws.firehose_client(region=region).put_record_batch(
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
        raise lake_is_unavailable(f"Firehose did not take all records: {', '.join(sorted(codes))}")


def _calls(records: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield the records in order, in as few calls as the limits allow."""
    call: list[bytes] = []
    size = 0
    for record in records:
        if len(call) == aws.FIREHOSE_MAX_BATCH_RECORDS or size + len(record) > MAX_CALL_BYTES:
            yield call
            call, size = [], 0
        call.append(record)
        size += len(record)
    if call:
        yield call

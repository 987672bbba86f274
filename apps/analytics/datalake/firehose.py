"""A data lake behind Amazon Data Firehose: one line of JSON for each event."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Self
from urllib.parse import SplitResult

from django.conf import settings

from apps.analytics.datalake.interface import LAKE, LakeEvent, Refused, lake_is_unavailable
from apps.common import aws
from apps.common.lossless_json import dump

# Less than Firehose takes: base64 adds a third, and the request's JSON a little.
MAX_CALL_BYTES = 3_000_000

ATTEMPTS = 6
FIRST_PAUSE = 0.1

_STREAM = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_REGION = re.compile(r"region=([a-z0-9-]+)")


class FirehoseDataLake:
    """Puts events as records on a Firehose stream.

    Records that a call fails to take are sent again alone, so that only then order may change.
    """

    max_batch_size = aws.FIREHOSE_MAX_BATCH_RECORDS

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
            if len(record) <= aws.FIREHOSE_MAX_RECORD_BYTES:
                records.append(record)
            else:
                refused[event["event_id"]] = "too_large"
        for call in _calls(records):
            self._put(call)
        if refused:
            raise Refused(refused)

    def _put(self, records: list[bytes]) -> None:
        """PutRecordBatch until nothing is left: an answer of 200 may say that some failed."""
        region = self._region or settings.SQS_CONVERSATION_REGION
        codes: set[str] = set()
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            # Firehose does not look into records: what it says of a call is about the stream, its
            # rights or its state. Somebody mends that, and the events wait.
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
        raise lake_is_unavailable(f"Firehose leaves records out: {', '.join(sorted(codes))}")


def _calls(records: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The records in their order, in as few calls as the limits allow."""
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

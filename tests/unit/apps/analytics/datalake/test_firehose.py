"""The data lake on Firehose: limits, partial failures, and errors."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError, ReadTimeoutError
from botocore.stub import ANY, Stubber

from apps.analytics.datalake import LakeEvent, Refused
from apps.analytics.datalake.firehose import (
    ATTEMPTS,
    MAX_CALL_BYTES,
    FirehoseDataLake,
)
from apps.common import aws
from apps.common.aws import (
    FIREHOSE_MAX_BATCH_BYTES,
    FIREHOSE_MAX_BATCH_RECORDS,
    FIREHOSE_MAX_RECORD_BYTES,
)
from apps.common.errors import Unavailable
from tests.support.lake_events import event_id, lake_event, values

TAKEN = {"RecordId": "1"}
FAILED = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}


class Stream:
    """A Firehose with prepared answers; botocore validates the calls and the answers."""

    def __init__(self, stubber: Stubber) -> None:
        self.calls: list[list[LakeEvent]] = []
        self.sizes: list[int] = []
        self.pauses: list[float] = []
        self.lake = FirehoseDataLake(
            stream="conversations", region="us-east-1", sleep=self.pauses.append
        )
        self.stubber = stubber
        stubber.client.meta.events.register_first(
            "before-parameter-build.firehose.PutRecordBatch", self._note
        )

    def answers(self, *results: dict[str, str]) -> None:
        """Prepare the results of the records of the next call."""
        answer = {
            "FailedPutCount": sum("ErrorCode" in result for result in results),
            "RequestResponses": list(results),
        }
        expected = {"DeliveryStreamName": "conversations", "Records": ANY}
        self.stubber.add_response("put_record_batch", answer, expected)

    def _note(self, params: Any, **_context: Any) -> None:
        lines = [record["Data"] for record in params["Records"]]
        assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
        self.calls.append([json.loads(line) for line in lines])
        self.sizes.append(sum(len(line) for line in lines))


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    client = boto3.client("firehose", region_name="us-east-1")
    monkeypatch.setattr(aws, "firehose_client", lambda *, region: client)
    with Stubber(client) as stubber:
        yield Stream(stubber)
        stubber.assert_no_pending_responses()


def events_of(count: int, *, value: str | None = None) -> list[LakeEvent]:
    return [lake_event(number, value=value) for number in range(count)]


def test_only_the_records_that_failed_are_sent_again(stream: Stream) -> None:
    stream.answers(TAKEN, FAILED, TAKEN, FAILED)
    stream.answers(TAKEN, FAILED)
    stream.answers(TAKEN)

    stream.lake.send(events_of(4))

    assert [values(call) for call in stream.calls] == [["0", "1", "2", "3"], ["1", "3"], ["3"]]


def test_the_pauses_before_sending_again_grow(stream: Stream) -> None:
    for _attempt in range(ATTEMPTS - 1):
        stream.answers(FAILED)
    stream.answers(TAKEN)

    stream.lake.send(events_of(1))

    assert stream.pauses == [0.1, 0.2, 0.4, 0.8, 1.6]


def test_records_that_keep_failing_make_the_lake_unavailable(stream: Stream) -> None:
    stream.answers(TAKEN, FAILED)
    for _attempt in range(ATTEMPTS - 1):
        stream.answers({**FAILED, "ErrorCode": "InternalFailure"})

    with pytest.raises(Unavailable, match=r"did not take all records: InternalFailure$"):
        stream.lake.send(events_of(2))


def test_a_call_has_at_most_500_records(stream: Stream) -> None:
    stream.answers(*[TAKEN] * FIREHOSE_MAX_BATCH_RECORDS)
    stream.answers(TAKEN)

    stream.lake.send(events_of(501))

    assert [len(call) for call in stream.calls] == [500, 1]
    assert [event for call in stream.calls for event in call] == events_of(501)


def test_a_call_is_within_4_mib_in_base64(stream: Stream) -> None:
    stream.answers(TAKEN, TAKEN)
    stream.answers(TAKEN, TAKEN)
    stream.answers(TAKEN)

    stream.lake.send(events_of(5, value="x" * (FIREHOSE_MAX_RECORD_BYTES - 1_000)))

    assert [len(call) for call in stream.calls] == [2, 2, 1]
    assert max(stream.sizes) <= MAX_CALL_BYTES
    names = FIREHOSE_MAX_BATCH_RECORDS * len('{"Data": ""}, ')
    assert (
        MAX_CALL_BYTES * 4 / 3 + FIREHOSE_MAX_BATCH_RECORDS * 4 + names < FIREHOSE_MAX_BATCH_BYTES
    )


def test_the_largest_record_is_delivered_and_one_byte_more_is_refused(stream: Stream) -> None:
    stream.answers(TAKEN)
    rest = (
        FIREHOSE_MAX_RECORD_BYTES
        - len(json.dumps(lake_event(1, value=""), separators=(",", ":")))
        - 1
    )
    largest, larger = lake_event(1, value="x" * rest), lake_event(2, value="x" * (rest + 1))

    with pytest.raises(Refused) as refusal:
        stream.lake.send([larger, largest])

    assert refusal.value.reasons == {event_id(2): "too_large"}
    assert stream.calls == [[largest]]
    assert stream.sizes == [FIREHOSE_MAX_RECORD_BYTES]


def test_an_unavailable_lake_is_reported_before_refused_events(stream: Stream) -> None:
    for _attempt in range(ATTEMPTS):
        stream.answers(FAILED)

    with pytest.raises(Unavailable):
        stream.lake.send([lake_event(1, value="x" * FIREHOSE_MAX_RECORD_BYTES), lake_event(2)])


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ServiceUnavailableException", 503),
        ("ThrottlingException", 400),
        ("LimitExceededException", 400),
        ("InternalFailure", 500),
        ("ExpiredTokenException", 400),
        ("AccessDeniedException", 400),
        ("ResourceNotFoundException", 400),
        ("InvalidKMSResourceException", 400),
        ("InvalidArgumentException", 400),
    ],
)
def test_events_wait_after_any_error_of_a_call(stream: Stream, code: str, status: int) -> None:
    stream.stubber.add_client_error("put_record_batch", code, http_status_code=status)

    with pytest.raises(Unavailable, match=f"The data lake is unavailable: {code}"):
        stream.lake.send(events_of(1))


@pytest.mark.parametrize(
    "error", [ReadTimeoutError(endpoint_url="https://firehose"), NoCredentialsError()]
)
def test_events_wait_after_a_call_without_a_response(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(**_call: Any) -> None:
        raise error

    monkeypatch.setattr(stream.stubber.client, "put_record_batch", fails)

    with pytest.raises(Unavailable, match=type(error).__name__):
        stream.lake.send(events_of(1))


@pytest.mark.parametrize(("region", "expected"), [("sa-east-1", "sa-east-1"), (None, "us-west-2")])
def test_the_region_comes_from_the_address_or_from_the_queue(
    settings: Any, monkeypatch: pytest.MonkeyPatch, region: str | None, expected: str
) -> None:
    settings.SQS_CONVERSATION_REGION = "us-west-2"
    regions: list[str] = []

    def firehose_client(*, region: str) -> None:
        regions.append(region)
        raise NoCredentialsError

    monkeypatch.setattr(aws, "firehose_client", firehose_client)

    with pytest.raises(Unavailable):
        FirehoseDataLake(stream="conversations", region=region).send(events_of(1))

    assert regions == [expected]

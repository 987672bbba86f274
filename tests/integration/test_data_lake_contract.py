"""All data lake clients fulfil the same contract."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.analytics.datalake import Refused, data_lake
from apps.analytics.outbox import drain
from apps.common.errors import Unavailable
from embedded.stack import Stack
from tests.support.builders import NOON, deliver_bodies, survey_body
from tests.support.lake_backends import (
    Backend,
    FileBackend,
    RefusingBackend,
    firehose_backend,
    weni_backend,
)
from tests.support.lake_events import event_id, lake_event, values

# This includes the three attempts of boto3 at a closed port.
A_DEAD_LAKE_IS_FOUND_WITHIN_SECONDS = 15.0

VALUES = [
    "olá 😕 مرحبا",
    "NUL escaped: \\u0000, surrogate escaped: \\ud83d, backslash escaped: \\u005cu0041",
    'quote " backslash \\ tab \t newline \n return \r line separator \u2028 null \0',
    "",
    "0",
    "é" * 300_000,
]


@pytest.fixture
def file_backend(tmp_path: Path) -> FileBackend:
    return FileBackend(tmp_path / "lake")


@pytest.fixture
def firehose_into_s3(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[RefusingBackend]:
    with firehose_backend(endpoint=stack.moto_url, monkeypatch=monkeypatch) as backend:
        yield backend


@pytest.fixture
def weni_grpc_server() -> Iterator[RefusingBackend]:
    with weni_backend() as backend:
        yield backend


@pytest.fixture(params=["file_backend", "firehose_into_s3", "weni_grpc_server"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Run the test with each of the three data lakes."""
    made: Backend = request.getfixturevalue(request.param)
    return made


@pytest.fixture(params=["firehose_into_s3", "weni_grpc_server"])
def refusing_backend(request: pytest.FixtureRequest) -> RefusingBackend:
    """Run the test with each data lake that permanently refuses some events."""
    made: RefusingBackend = request.getfixturevalue(request.param)
    return made


def test_all_events_arrive_once_and_unchanged(backend: Backend) -> None:
    events = [lake_event(number, date=f"2026-11-2{number}T23:59:59+00:00") for number in range(3)]

    data_lake(backend.url).send(events)

    assert sorted(backend.arrived(), key=lambda event: event["event_id"]) == events


def test_a_batch_keeps_its_order(backend: Backend) -> None:
    events = [lake_event(number) for number in range(500, 0, -1)]

    data_lake(backend.url).send(events)

    assert backend.arrived() == events


def test_an_empty_batch_does_nothing(backend: Backend) -> None:
    backend.break_down()

    data_lake(backend.url).send([])

    backend.mend()
    assert backend.arrived() == []


def test_repeated_events_have_the_same_ids(backend: Backend) -> None:
    events = [lake_event(1), lake_event(2)]
    lake = data_lake(backend.url)

    lake.send(events)
    lake.send(events)

    distinct = {json.dumps(event, sort_keys=True) for event in backend.arrived()}
    assert distinct == {json.dumps(event, sort_keys=True) for event in events}


def test_texts_of_any_script_and_length_arrive_unchanged(backend: Backend) -> None:
    events = [lake_event(number, value=value) for number, value in enumerate(VALUES)]

    data_lake(backend.url).send(events)

    assert values(backend.arrived()) == VALUES


# What producers send as a value, and what the lake gets.
ORIGINALS = [
    (r"\u0041bc", r"\u0041bc"),
    ("a\0b", "a\0b"),
    ("a\ud83db", "a\N{REPLACEMENT CHARACTER}b"),
    ('{"$number":"5"}', '{"$number":"5"}'),
    ('[1, "\\u0000"', '[1, "\\u0000"'),
    ("[1e999999999]", "[1e999999999]"),
    ({"$number": "5"}, '{"$number":"5"}'),
    (["\0", r"\u0041", "\ud83d"], r'["\u0000","\\u0041","\ud83d"]'),
    (10**69 + 7, str(10**69 + 7)),
    ({"b": 10**69 + 7, "a": None}, f'{{"a":null,"b":{10**69 + 7}}}'),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("aws", "outbox_hints")
def test_answers_arrive_as_their_producers_sent_them(backend: Backend) -> None:
    odd = r"ext:\u0041 " + "\0"
    bodies = [
        survey_body(key=odd, value=sent, urn=odd, message={"id": str(number)})
        for number, (sent, _) in enumerate(ORIGINALS)
    ]
    # Python cannot write this number.
    bodies.append(survey_body(key=odd, value="1e400", urn=odd).replace('"1e400"', "1e400"))

    deliver_bodies(bodies=bodies)
    drain(lake=data_lake(backend.url), now=NOON + timedelta(hours=1))

    arrived = backend.arrived()
    assert {(event["contact_urn"], event["key"]) for event in arrived} == {(odd, odd)}
    assert sorted(values(arrived)) == sorted([*(text for _, text in ORIGINALS), "1e400"])


def test_an_event_without_a_conversation_arrives_unchanged(backend: Backend) -> None:
    event = lake_event()
    event["metadata"] = dict.fromkeys(event["metadata"])

    data_lake(backend.url).send([event])

    assert backend.arrived() == [event]


def test_a_lake_that_is_down_is_unavailable_and_takes_the_events_later(
    backend: Backend,
) -> None:
    lake = data_lake(backend.url)
    lake.send([lake_event(1)])
    backend.break_down()
    started = time.monotonic()

    with pytest.raises(Unavailable, match="The data lake is unavailable"):
        lake.send([lake_event(2)])

    assert time.monotonic() - started < A_DEAD_LAKE_IS_FOUND_WITHIN_SECONDS
    backend.mend()
    lake.send([lake_event(2)])
    assert sorted(values(backend.arrived())) == ["1", "2"]


def test_compacting_keeps_each_event_once(backend: Backend) -> None:
    lake = data_lake(backend.url)
    for number in range(3):
        lake.send([lake_event(number)])

    merged = list(lake.compact(now=datetime(2026, 11, 25, tzinfo=UTC)))

    assert merged == ([3] if isinstance(backend, FileBackend) else [])
    assert sorted(values(backend.arrived())) == ["0", "1", "2"]


def test_refused_events_are_named_and_the_remaining_events_arrive(
    refusing_backend: RefusingBackend,
) -> None:
    events = [lake_event(1), refusing_backend.unacceptable(2), lake_event(3)]

    with pytest.raises(Refused) as refusal:
        data_lake(refusing_backend.url).send(events)

    assert refusal.value.reasons.keys() == {event_id(2)}
    assert values(refusing_backend.arrived()) == ["1", "3"]

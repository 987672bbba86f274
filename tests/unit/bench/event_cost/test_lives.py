"""The life of an event adds up what it needed until it was stored, archived and searched."""

from collections import Counter
from dataclasses import asdict

import pytest

from bench.common.costs import Counts
from bench.event_cost.lives import Life, conversations_at, times_to_effects
from bench.event_cost.paced import Percentiles
from bench.event_cost.result import whole_life
from bench.event_cost.spent import Spent
from testbed.dynamodb.accounts import Write
from tests.unit.bench.event_cost.comparisons import searches

STORED = Spent(
    events=12,
    cpu_seconds=0.024,
    sqs_calls=3,
    sql=2,
    dynamodb_calls=1,
    write_units=12,
    read_units=0.0,
)
ARCHIVED = Spent(
    events=1,
    cpu_seconds=0.015,
    sqs_calls=1,
    sql=11,
    dynamodb_calls=2,
    write_units=0,
    read_units=3.0,
)
NO_SEARCHES = searches()
LIFE = Life(stored=STORED, archived=ARCHIVED, total=Percentiles(p50=87.0, p99=160.0))


def test_what_events_need_is_read_from_the_counts_of_the_servers() -> None:
    counts = Counts(
        cpu_seconds=0.5,
        sqs=Counter(ReceiveMessage=2, DeleteMessageBatch=1),
        dynamodb=Counter(BatchWriteItem=1, Query=3),
        write_units=12,
        read_units=2.5,
        sql=7,
    )

    assert Spent.of(counts, events=10) == Spent(
        events=10,
        cpu_seconds=0.5,
        sqs_calls=3,
        sql=7,
        dynamodb_calls=4,
        write_units=12,
        read_units=2.5,
    )


def test_the_whole_life_is_divided_by_messages_and_closes() -> None:
    life = whole_life(LIFE, searched=NO_SEARCHES)

    # A million requests cost $0.50, write units $0.625, and read units $0.125.
    dollars = (4 * 0.5 + 12 * 0.625 + 3 * 0.125) / 13
    assert asdict(life) == pytest.approx(
        {
            "sqs_calls": 4 / 13,
            "sql": 1.0,
            "dynamodb_calls": 5 / 13,
            "write_units": 12 / 13,
            "read_units": 3 / 13,
            "cpu_ms": 3.0,
            "dollars_per_million": dollars,
            "dollars_per_million_with_sends": dollars + 0.5,
            "p50_ms": 87.0,
            "p99_ms": 160.0,
        }
    )


def test_later_searches_add_their_share_and_no_events() -> None:
    searched = Spent(
        events=26,
        cpu_seconds=0.026,
        sqs_calls=6,
        sql=26,
        dynamodb_calls=4,
        write_units=0,
        read_units=8.0,
    )

    without, with_searches = (whole_life(LIFE, searched=one) for one in (NO_SEARCHES, searched))

    assert with_searches.read_units - without.read_units == pytest.approx(8 / 26)
    assert with_searches.sqs_calls - without.sqs_calls == pytest.approx(6 / 26)
    assert with_searches.sql - without.sql == pytest.approx(1.0)
    assert with_searches.cpu_ms - without.cpu_ms == pytest.approx(1.0)
    assert with_searches.write_units == without.write_units


def test_a_conversation_has_about_twelve_messages_at_any_rate() -> None:
    assert [conversations_at(rate, seconds=10) for rate in (1.0, 10.0, 50.0, 500.0)] == [
        *(1, 8, 42, 417)
    ]


def test_the_times_of_a_backlog_begin_when_the_subject_could_begin() -> None:
    writes = [
        Write(at=101.0, partition="p", sort="", beginning='{"id":"0.0",'),
        Write(at=103.0, partition="p", sort="", beginning='{"id":"1.0",'),
        Write(at=104.0, partition="p", sort="", beginning='{"id":"0.0",'),
    ]

    # It could begin 4 seconds before the last write. A message that is stored again counts once.
    assert times_to_effects(writes, seconds=4.0) == Percentiles(p50=1_000.0, p99=3_000.0)

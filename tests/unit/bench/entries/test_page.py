"""The benchmark of stored messages measures what the service stores, and shows it on its page."""

import pytest

from bench.entries.measuring import measure
from bench.entries.messages import BOT, CONTACT, LONG, samples
from bench.entries.page import BENCHMARK
from bench.entries.result import Cost, Entries, Kind, Pairs, Way
from tests.unit.bench.common.runs import run_of

ENTRIES = Entries(
    rounds=3,
    kinds=[
        Kind(
            name=BOT,
            language="Portuguese",
            messages=60,
            characters=527.75,
            compressed=0.583,
            before=Cost(write_units=1.58, bytes=1_106.4, writing=4.9, reading=0.6),
            after=Cost(write_units=1.0, bytes=787.1, writing=29.2, reading=3.7),
        )
    ],
    ways=[
        Way(
            name="as text",
            write_units=1.57,
            write_units_of_long=2.0,
            bytes=1_104.2,
            longest=463,
        )
    ],
    pairs=Pairs(pairs=180, apart=2.0, together=1.034),
)


def test_the_page_has_the_costs_before_and_after() -> None:
    page = BENCHMARK.render(run_of(ENTRIES)).splitlines()

    sizes = "528 | 58% | 1.58 → 1.00 | 1,106 → 787"
    assert f"| answers of bots | Portuguese | {sizes} | 5 → 29 | 1 → 4 |" in page
    assert "| as text | 1,104 | 1.57 | 2.00 | 463 |" in page
    assert "| write units of a bot's answer | at most 1 | 1 | reached |" in page
    assert "together, they would cost 1.03 (180 pairs)." in "\n".join(page)


@pytest.fixture(scope="module")
def measured() -> Entries:
    return measure(rounds=1)


def test_each_kind_is_measured_in_three_languages(measured: Entries) -> None:
    assert [(one.name, one.language) for one in measured.kinds] == [
        (kind, language)
        for language in ("Portuguese", "Spanish", "English")
        for kind in (CONTACT, BOT, LONG)
    ]
    assert all(one.after.writing > 0 and one.after.reading > 0 for one in measured.kinds)


def test_the_texts_have_the_lengths_that_the_page_says() -> None:
    lengths = {
        kind: [len(text) for one in samples() if one.kind == kind for text in one.texts]
        for kind in (CONTACT, BOT)
    }

    assert 1 <= min(lengths[CONTACT]) < max(lengths[CONTACT]) <= 200
    assert 300 <= min(lengths[BOT]) < max(lengths[BOT]) <= 900


def test_only_messages_of_more_than_one_unit_are_compressed(measured: Entries) -> None:
    for one in measured.kinds:
        assert (one.compressed > 0) == (one.before.write_units > 1)
        assert one.after.write_units <= one.before.write_units
        assert one.after.bytes <= one.before.bytes


def test_the_dictionary_leaves_more_room_for_texts(measured: Entries) -> None:
    longest = [way.longest for way in measured.ways]

    assert longest == sorted(longest)
    assert measured.ways[0].bytes > measured.ways[-1].bytes

"""The cells of the admin's lists."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from apps.conversations.admin.cells import age, facts, short_id, written

NOW = datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        (timedelta(), "0s ago"),
        (timedelta(seconds=90), "1m30s ago"),
        (timedelta(days=3, hours=4, minutes=59), "3d4h ago"),
        (-timedelta(hours=3, minutes=20), "in 3h20m"),
    ],
)
@time_machine.travel(NOW, tick=False)
def test_an_age_has_two_units_and_the_time_as_its_title(distance: timedelta, text: str) -> None:
    at = NOW - distance

    cell = age(at)

    assert cell.endswith(f">{text}</time>")
    assert f'title="{at:%Y-%m-%d %H:%M:%S} UTC"' in cell
    assert f'datetime="{at.isoformat()}"' in cell


def test_a_short_id_has_the_whole_id_as_its_text_and_title() -> None:
    assert short_id("a<b") == '<code class="short-id" title="a&lt;b">a&lt;b</code>'


def test_a_text_from_outside_is_escaped_and_isolated() -> None:
    assert written("<b>", otherwise="unnamed") == "<bdi>&lt;b&gt;</bdi>"
    assert written("", otherwise="unnamed") == "<bdi>unnamed</bdi>"


def test_facts_are_written_without_the_signs_of_json() -> None:
    assert facts({"dead_letters": 2, "is_forced": False, "fields": ["a", "b"], "of": {"x": 1}}) == (
        "dead letters: 2, is forced: no, fields: a; b, of: (x: 1)"
    )
    assert facts({}) == ""

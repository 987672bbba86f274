"""The settings of a project can be written as text and parsed again."""

from datetime import time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.timezones import unknown_zone_message
from apps.conversations.project_settings import FIELDS, ProjectSettings, as_texts, parse, parse_uuid

PROJECT = UUID("5f0c2f3a-6b1d-4a57-9c39-0e6a1d2b7c41")


def problems(**texts: str) -> list[str]:
    """Return the problems of these texts."""
    settings, sentences = parse(texts)
    assert len(settings) + len(sentences) == len(texts)
    return sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00", time(0)),
        ("07:30", time(7, 30)),
        (" 22:30:15 ", time(22, 30, 15)),
        ("23:59:59", time(23, 59, 59)),
    ],
)
def test_a_closing_time_has_minutes_or_seconds(text: str, expected: time) -> None:
    assert parse({"closing_time": text}) == ({"closing_time": expected}, [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24:00",
        "7:30",
        "noon",
        "12:60",
        "12:00:60",
        "12:00:00.5",
        "12h",
        "-1:00",
        "\u0661\u0662:00",
    ],
)
def test_an_invalid_closing_time_is_refused(text: str) -> None:
    assert problems(closing_time=text) == [
        f'"{text}" is not a closing time: write HH:MM or HH:MM:SS, from 00:00 to 23:59:59.'
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        (" 1H30M ", timedelta(minutes=90)),
        ("90m", timedelta(minutes=90)),
        ("01:30:00", timedelta(minutes=90)),
        ("1m", timedelta(minutes=1)),
        ("00:01:00", timedelta(minutes=1)),
        ("48h", timedelta(hours=48)),
        ("48:00:00", timedelta(hours=48)),
        ("", None),
        ("none", None),
        ("None", None),
    ],
)
def test_an_idle_timeout_is_a_period_or_none(text: str, expected: timedelta | None) -> None:
    assert parse({"idle_timeout": text}) == ({"idle_timeout": expected}, [])


@pytest.mark.parametrize(
    "text",
    ["30", "30 minutes", "01:30", "1w", "30m1h", "00:60:00", "-30m", "1.5h", "never", "1" * 5_000],
)
def test_an_invalid_idle_timeout_is_refused(text: str) -> None:
    (sentence,) = problems(idle_timeout=text)

    assert sentence == (
        f'"{text[:40]}" is not an idle timeout: write 90s, 30m, 2h, 30d, 1h30m or HH:MM:SS, '
        "or none."
    )


@pytest.mark.parametrize("text", ["59s", "0h", "00:00:00", "48h1s", "48:00:01", "3d", "999999h"])
def test_an_idle_timeout_is_from_a_minute_to_48_hours(text: str) -> None:
    assert problems(idle_timeout=text) == [
        f'"{text}" is not a possible idle timeout: it must be from 1m to 2d, or none.'
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30d", timedelta(days=30)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("24h", timedelta(days=1)),
        ("36500d", timedelta(days=36_500)),
        ("none", None),
    ],
)
def test_an_archive_retention_is_a_duration_of_a_day_or_more(
    text: str, expected: timedelta | None
) -> None:
    assert parse({"archive_retention": text}) == ({"archive_retention": expected}, [])


@pytest.mark.parametrize("text", ["365", "0", "-1d", "30 days", "1d 12h", "1.5d", "never"])
def test_an_archive_retention_without_a_unit_is_refused(text: str) -> None:
    assert problems(archive_retention=text) == [
        f'"{text}" is not an archive retention: write 90s, 30m, 2h, 30d, 1h30m or HH:MM:SS, '
        "or none."
    ]


@pytest.mark.parametrize("text", ["0d", "23h59m59s", "365s", "36501d", "999999d"])
def test_an_archive_retention_outside_its_bounds_is_refused(text: str) -> None:
    assert problems(archive_retention=text) == [
        f'"{text}" is not a possible archive retention: it must be from 1d to 36500d, or none.'
    ]


def test_an_unknown_zone_is_refused_with_the_nearest_names() -> None:
    assert problems(timezone="Brazil/Sao_Paulo") == [unknown_zone_message("Brazil/Sao_Paulo")]


def test_a_name_is_kept_as_it_is() -> None:
    name = " Loja d'Água, \u0645\u062a\u062c\u0631 \U0001f469\u200d\U0001f33e " + "x" * 200

    assert parse({"name": name}) == ({"name": name}, [])


def test_a_name_too_long_for_the_column_is_refused() -> None:
    assert problems(name="x" * 256) == ["The name must have at most 255 characters."]


@pytest.mark.parametrize("name", ["two\nlines", "NUL\0", "\x1b[31mred", "not text \udcff"])
def test_a_name_with_control_characters_is_refused(name: str) -> None:
    assert problems(name=name) == ["The name must be text on one line, without control characters."]


def test_every_problem_is_reported() -> None:
    sentences = problems(
        name="\0", timezone="X", closing_time="X", idle_timeout="X", archive_retention="X"
    )

    assert len(sentences) == len(FIELDS)


@pytest.mark.parametrize("text", [str(PROJECT), PROJECT.hex, f" {PROJECT} ".upper()])
def test_a_uuid_is_accepted_in_all_usual_forms(text: str) -> None:
    assert parse_uuid(text) == PROJECT


@pytest.mark.parametrize("text", ["", "42", f"{PROJECT}0"])
def test_an_invalid_uuid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a UUID"):
        parse_uuid(text)


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=255),
        "timezone": st.sampled_from(["UTC", "America/Sao_Paulo", "Etc/GMT+3"]),
        "closing_time": st.times().map(lambda at: at.replace(microsecond=0)),
        "idle_timeout": st.none()
        | st.integers(min_value=60, max_value=172_800).map(lambda s: timedelta(seconds=s)),
        "archive_retention": st.none()
        | st.integers(min_value=86_400, max_value=3_153_600_000).map(
            lambda s: timedelta(seconds=s)
        ),
    },
)


@given(settings=SETTINGS)
def test_settings_written_as_text_are_parsed_to_the_same_settings(
    settings: ProjectSettings,
) -> None:
    assert parse(as_texts(settings)) == (settings, [])

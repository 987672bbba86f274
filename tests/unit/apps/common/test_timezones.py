"""The zones of the tz database are known. The error for any other name suggests similar ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from apps.common.timezones import is_known, nearest_names, unknown_zone_message
from apps.conversations.project_models import validate_timezone

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    "name", ["America/Sao_Paulo", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+3", "EST5EDT"]
)
def test_a_zone_of_the_tz_database_is_known(name: str) -> None:
    assert is_known(name)


@pytest.mark.parametrize(
    "name",
    ["", "sao_paulo", "america/sao_paulo", "GMT-3", "America", "../UTC", "/etc/localtime", "UTC\0"],
)
def test_any_other_name_is_unknown(name: str) -> None:
    assert not is_known(name)


@pytest.mark.parametrize("name", ["localtime", "Factory"])
def test_a_name_whose_meaning_depends_on_the_machine_is_unknown(name: str) -> None:
    assert not is_known(name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Sao Paulo", ("America/Sao_Paulo",)),
        ("sao_paulo", ("America/Sao_Paulo",)),
        ("SAO-PAULO ", ("America/Sao_Paulo",)),
        ("Brazil/Sao_Paulo", ("America/Sao_Paulo",)),
        ("america/sao_paulo", ("America/Sao_Paulo",)),
        ("New York", ("America/New_York",)),
        ("utc", ("Etc/UTC", "UTC")),
        ("Buenos Aires", ("America/Argentina/Buenos_Aires", "America/Buenos_Aires")),
    ],
)
def test_a_name_that_differs_only_in_case_or_region_has_one_suggestion(
    name: str, nearest: tuple[str, ...]
) -> None:
    assert nearest_names(name) == nearest


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("America/SaoPaulo", "America/Sao_Paulo"),
        ("Brazil/Sao_Pualo", "America/Sao_Paulo"),
        ("Lisboa", "Europe/Lisbon"),
        ("Asia/Calcuta", "Asia/Calcutta"),
        ("EST5", "EST5EDT"),
        ("PST", "PST8PDT"),
    ],
)
def test_the_most_similar_name_is_suggested_first(name: str, meant: str) -> None:
    first, *others = nearest_names(name)

    assert first == meant
    assert len(others) <= 2


@pytest.mark.parametrize("name", ["", "/", "E. South America Standard Time", "x" * 100_000])
def test_a_name_without_similar_zones_gets_an_example(name: str) -> None:
    assert nearest_names(name) == ()

    sentence = unknown_zone_message(name)

    assert sentence.endswith(
        "is not a time zone of the tz database. Use a name such as America/Sao_Paulo."
    )
    assert len(sentence) < 200


def test_the_message_contains_the_name_and_the_suggestions() -> None:
    assert unknown_zone_message("Brazil/Sao_Paulo") == (
        '"Brazil/Sao_Paulo" is not a time zone of the tz database. Did you mean America/Sao_Paulo?'
    )


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("GMT-3", "Etc/GMT+3"),
        ("UTC-03:00", "Etc/GMT+3"),
        ("-0300", "Etc/GMT+3"),
        ("gmt + 9", "Etc/GMT-9"),
        ("Etc/UTC+1", "Etc/GMT-1"),
    ],
)
def test_an_offset_gets_the_zone_with_the_inverted_sign(name: str, zone: str) -> None:
    sentence = unknown_zone_message(name)

    assert f"Use a place such as America/Sao_Paulo, or {zone}:" in sentence
    assert "the signs in these names are reversed." in sentence


@pytest.mark.parametrize("name", ["UTC+5:30", "GMT+20", "GMT-33"])
def test_an_offset_without_a_zone_is_not_suggested(name: str) -> None:
    assert "or Etc/GMT" not in unknown_zone_message(name).partition("Did you mean")[0]


def test_the_model_and_the_environment_use_the_same_message() -> None:
    with pytest.raises(ValidationError) as caught:
        validate_timezone("Brazil/100%")

    assert caught.value.messages == [unknown_zone_message("Brazil/100%")]


def test_zones_are_known_without_a_system_database() -> None:
    script = (
        "from apps.common.timezones import is_known; "
        "from zoneinfo import TZPATH, ZoneInfo; "
        "ZoneInfo('America/Sao_Paulo'); "
        "print(TZPATH, is_known('America/Sao_Paulo'), is_known('Sao_Paulo'))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert answer.stdout == "() True False\n"

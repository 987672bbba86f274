"""`manage.py plan`, as an operator runs it."""

import re

import pytest
from django.core.management import CommandError, call_command

from operations.management.command_line import InvalidArgument
from tests.support.pages import ROOT


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("plan", *arguments)
    return capsys.readouterr().out


def test_the_page_about_scaling_shows_what_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    shown = re.search(r"\$ python manage\.py plan (.+)\n((?:.+\n)+)```", page)
    assert shown

    assert output_of(capsys, *shown[1].split()) == shown[2]


def test_no_line_is_wider_than_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    printed = output_of(capsys, "--events-per-second", "100000", "--processes-per-worker", "1")

    assert max(map(len, printed.splitlines())) <= 80


def test_a_low_rate_fits_without_high_throughput_mode(capsys: pytest.CaptureFixture[str]) -> None:
    printed = " ".join(output_of(capsys, "--events-per-second", "200").split())

    assert "That fits without high throughput mode." in printed


def test_one_of_something_is_printed_in_the_singular(capsys: pytest.CaptureFixture[str]) -> None:
    printed = " ".join(output_of(capsys, "--events-per-second", "0.3").split())

    assert " 1 message group must " in printed
    assert " 1 statement a second " in printed


@pytest.mark.parametrize("rate", ["0", "-1", "many", "nan", "100001"])
def test_a_rate_must_be_a_number_that_makes_sense(rate: str) -> None:
    with pytest.raises(InvalidArgument, match="is not a rate: write a number"):
        call_command("plan", f"--events-per-second={rate}")


def test_an_average_above_the_rate_of_the_busiest_minutes_is_refused() -> None:
    with pytest.raises(CommandError, match="--average 20 exceeds --events-per-second 10, "):
        call_command("plan", "--events-per-second=10", "--average=20")

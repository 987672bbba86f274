"""The demo's figures: worked out from the events, and compared with what the service says."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from io import StringIO
from math import nextafter
from typing import Any

import pytest
from rich.console import Console

from demo.check import check
from demo.events import Answered, Changed, ConversationName, Effect, plan_event
from demo.expectations import Expectations, SentEvent, expectations
from demo.figures import (
    ALL_PROJECTS,
    ProjectFigures,
    check_figures,
    expected_figures,
    figures_table,
)
from demo.findings import Findings
from demo.problems import Kind
from demo.report import summarize

SENT_AT = datetime(2026, 3, 14, 12, tzinfo=UTC)

Expected = dict[str, ProjectFigures]


def _name(contact: str, project: str = "bakery") -> ConversationName:
    return ConversationName(project_uuid=project, channel_uuid="c", contact_urn=contact)


def _answer(name: ConversationName, key: str, score: int | None) -> Answered:
    return Answered(conversation=name, key=key, value=str(score), score=score)


ANA, BRUNO, CARLA, DIOGO = (_name(contact) for contact in ("ana", "bruno", "carla", "diogo"))
PRIYA = _name("priya", "books")
TOM = _name("tom", "bank")
EFFECTS: tuple[Effect, ...] = (
    _answer(ANA, "weni_csat", 5),
    _answer(ANA, "weni_nps", 9),
    Changed(conversation=ANA, resolution=0),
    # A second answer of its kind counts instead of the first.
    _answer(ANA, "weni_csat", 3),
    _answer(BRUNO, "weni_csat", 4),
    Changed(conversation=BRUNO, resolution=1),
    _answer(CARLA, "order_status", None),
    Changed(conversation=CARLA, resolution=4),
    # The clock closes this one.
    _answer(DIOGO, "weni_csat", 5),
    _answer(DIOGO, "weni_nps", 8),
    # Nothing closes this one.
    _answer(PRIYA, "weni_nps", 6),
    Changed(conversation=TOM, resolution=0),
)


def _expectations() -> Expectations:
    sent = []
    for number, effect in enumerate(EFFECTS):
        event = plan_event(
            conversation=ANA,
            event_type="message.received",
            unique=str(number),
            body={"data": {"message": {"id": str(number)}}},
            effect=effect,
        )
        sent.append(
            SentEvent(
                event=event,
                message_id=f"sqs-{number}",
                sequence_number=number,
                sent_from=SENT_AT,
                sent_until=SENT_AT,
            )
        )
    return expectations(sent, closings={"bakery": SENT_AT})


@pytest.fixture
def expected() -> Expected:
    return expected_figures(_expectations())


def test_the_figures_of_a_project_are_those_of_its_events(expected: Expected) -> None:
    assert expected["bakery"] == ProjectFigures(
        csat_answers=3,
        csat=200 / 3,
        csat_mean=4.0,
        nps_answers=2,
        promoters=1,
        passives=1,
        detractors=0,
        nps=50.0,
        closed=4,
        by_resolution={0: 1, 1: 1, 3: 1, 4: 1},
        answered=3,
        response_rate=75.0,
    )


def test_answers_to_an_open_conversation_count_but_have_no_response_rate(
    expected: Expected,
) -> None:
    books = expected["books"]
    assert (books.nps_answers, books.detractors, books.nps) == (1, 1, -100.0)
    assert (books.closed, books.answered, books.response_rate) == (0, 0, None)


def test_what_nobody_answered_has_no_share_and_a_response_rate_of_0(expected: Expected) -> None:
    bank = expected["bank"]
    assert (bank.csat, bank.csat_mean, bank.nps) == (None, None, None)
    assert (bank.csat_answers, bank.nps_answers, bank.response_rate) == (0, 0, 0.0)


def test_the_figures_of_all_are_not_the_mean_of_the_projects(expected: Expected) -> None:
    all_of_them = expected[ALL_PROJECTS]
    assert (all_of_them.csat_answers, all_of_them.nps_answers) == (3, 3)
    assert all_of_them.nps == 0.0
    assert (all_of_them.closed, all_of_them.response_rate) == (5, 60.0)
    assert all_of_them.by_resolution == {0: 2, 1: 1, 3: 1, 4: 1}


def test_the_same_figures_have_no_problem(expected: Expected) -> None:
    assert list(check_figures(expected=expected, found=expected)) == []


@pytest.mark.parametrize("project", ["bakery", ALL_PROJECTS])
@pytest.mark.parametrize("field", [field.name for field in fields(ProjectFigures)])
@pytest.mark.parametrize("wrong", [99, 66.7, None])
def test_a_wrong_figure_is_told_as_a_problem(
    expected: Expected, project: str, field: str, wrong: Any
) -> None:
    changes: dict[str, Any] = {field: wrong}
    found = {**expected, project: replace(expected[project], **changes)}
    (problem,) = check_figures(expected=expected, found=found)
    assert problem.kind is Kind.LOST
    assert field in problem.what
    assert project in problem.what
    assert str(wrong) in problem.what


def test_a_figure_that_differs_in_its_last_bit_is_right(expected: Expected) -> None:
    csat = expected["bakery"].csat
    assert csat is not None
    near = replace(expected["bakery"], csat=nextafter(csat, 100))
    assert near != expected["bakery"]
    assert list(check_figures(expected=expected, found={**expected, "bakery": near})) == []


def test_figures_that_are_missing_or_of_a_project_of_nobody_are_problems(
    expected: Expected,
) -> None:
    without = {project: each for project, each in expected.items() if project != "bakery"}
    assert list(check_figures(expected=expected, found=without))
    assert list(check_figures(expected=without, found=expected))


def test_the_check_of_the_stores_tells_of_a_wrong_figure(expected: Expected) -> None:
    wrong = {**expected, ALL_PROJECTS: replace(expected[ALL_PROJECTS], nps=12.5)}
    told = [
        [problem.what for problem in check(expected=_expectations(), found=Findings(figures=each))]
        for each in (expected, wrong)
    ]
    assert set(told[1]) - set(told[0]) == {
        "the figure nps of all projects is 12.5, and must be 0.0"
    }


def test_the_table_has_what_was_found_below_what_was_expected(expected: Expected) -> None:
    wrong = {**expected, "bakery": replace(expected["bakery"], csat_mean=3.98765)}
    output = StringIO()
    Console(file=output, width=80).print(
        figures_table(names={"bakery": "Bakery", "bank": "Bank"}, expected=expected, found=wrong)
    )
    cells = [line.replace("│", " ").split() for line in output.getvalue().splitlines()]
    assert ["Bakery", "expected", "66.7", "4.00", "50.0", "75.0", "4"] in cells
    assert ["found", "66.7", "3.99", "50.0", "75.0", "4"] in cells
    assert ["Bank", "expected", "-", "-", "-", "0.0", "1"] in cells
    assert ["All,", "with", "samples", "expected", "66.7", "4.00", "0.0", "60.0", "5"] in cells


def test_the_summary_has_csat_and_nps_of_all_with_one_digit(expected: Expected) -> None:
    figures = {ALL_PROJECTS: replace(expected[ALL_PROJECTS], nps=-100 / 3)}
    summary = summarize(events=1, found=Findings(figures=figures), problems=[], sqs_calls={})
    document = json.loads(summary.as_json())
    assert (document["csat"], document["nps"]) == (66.7, -33.3)


def test_the_summary_of_a_run_without_answers_has_no_csat_and_no_nps() -> None:
    summary = summarize(events=1, found=Findings(), problems=[], sqs_calls={})
    document = json.loads(summary.as_json())
    assert (document["csat"], document["nps"]) == (None, None)

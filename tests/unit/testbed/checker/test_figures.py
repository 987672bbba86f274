"""Figures are worked out from the events, and compared with those of the service."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from math import nextafter
from typing import Any

import pytest

from testbed.checker.figures import (
    ALL_PROJECTS,
    ProjectFigures,
    check_figures,
    expected_figures,
)
from testbed.checker.report import Kind
from testbed.traffic.effects import expected_effects
from testbed.traffic.events import Answer, Closing, Contact, Effect, Message
from tests.unit.testbed.sent_events import NOON, as_sent, planned

Expected = dict[str, ProjectFigures]


def _contact(urn: str, project: str = "bakery") -> Contact:
    return Contact(project=project, channel="c", urn=urn)


def _answer(
    contact: Contact, key: str, score: int | None, *, conversation: int = 1
) -> tuple[Contact, Effect]:
    # Each answer has a message id of its own.
    message_id = f"{contact.urn} {key} {score}"
    return contact, Answer(
        message_id=message_id, key=key, value=str(score), score=score, conversation=conversation
    )


def _close(contact: Contact, resolution: int) -> tuple[Contact, Effect]:
    return contact, Closing(conversation=1, resolution=resolution)


def _message(contact: Contact) -> tuple[Contact, Effect]:
    return contact, Message(message_id=f"{contact.urn} message", created_at=None, conversation=1)


ANA, BRUNO, CARLA, DIOGO = (_contact(urn) for urn in ("ana", "bruno", "carla", "diogo"))
PRIYA = _contact("priya", "books")
TOM = _contact("tom", "bank")
EFFECTS = (
    # Tom gets only messages of the platform.
    *(_message(contact) for contact in (ANA, BRUNO, CARLA, DIOGO, PRIYA)),
    _answer(ANA, "weni_csat", 5),
    _answer(ANA, "weni_nps", 9),
    _close(ANA, 0),
    # A second answer of its kind counts instead of the first.
    _answer(ANA, "weni_csat", 3),
    _answer(BRUNO, "weni_csat", 4),
    _close(BRUNO, 1),
    _answer(CARLA, "order_status", None),
    _close(CARLA, 4),
    # This one closes by time.
    _answer(DIOGO, "weni_csat", 5),
    _answer(DIOGO, "weni_nps", 8),
    # This one stays open.
    _answer(PRIYA, "weni_nps", 6),
    _close(TOM, 0),
)


def _figures_of(
    *effects: tuple[Contact, Effect], closings: Mapping[str, datetime] | None = None
) -> Expected:
    message = {"id": "m-1", "text": ""}
    body = {"event_type": "message.received", "correlation_id": "e", "data": {"message": message}}
    sent = as_sent(planned(0, effect, contact=contact, body=body) for contact, effect in effects)
    return expected_figures(expected_effects(sent, closings=closings))


@pytest.fixture
def expected() -> Expected:
    return _figures_of(*EFFECTS, closings={"bakery": NOON})


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
        outreach=0,
        answered=3,
        survey_response=75.0,
    )


def test_answers_to_an_open_conversation_count_but_not_as_survey_responses(
    expected: Expected,
) -> None:
    books = expected["books"]
    assert (books.nps_answers, books.detractors, books.nps) == (1, 1, -100.0)
    assert (books.closed, books.answered, books.survey_response) == (0, 0, None)


def test_a_project_without_answers_has_no_shares(
    expected: Expected,
) -> None:
    bank = expected["bank"]
    assert (bank.csat, bank.csat_mean, bank.nps) == (None, None, None)
    assert (bank.csat_answers, bank.nps_answers, bank.survey_response) == (0, 0, None)


def test_the_figures_of_all_projects_are_not_the_mean_of_the_projects(expected: Expected) -> None:
    all_of_them = expected[ALL_PROJECTS]
    assert (all_of_them.csat_answers, all_of_them.nps_answers) == (3, 3)
    assert all_of_them.nps == 0.0
    assert (all_of_them.closed, all_of_them.outreach) == (5, 1)
    assert all_of_them.survey_response == 75.0
    assert all_of_them.by_resolution == {0: 2, 1: 1, 3: 1, 4: 1}


def test_a_reopened_conversation_counts_each_time_that_it_closes() -> None:
    again = Message(message_id="m-2", created_at=None, conversation=1, after_reopening=True)
    bakery = _figures_of(
        _message(ANA),
        _close(ANA, 1),
        (ANA, again),
        _answer(ANA, "weni_csat", 5),
        _close(ANA, 0),
    )["bakery"]
    assert (bakery.closed, bakery.by_resolution) == (2, {0: 1, 1: 1, 3: 0, 4: 0})
    assert (bakery.answered, bakery.survey_response, bakery.csat_answers) == (1, 50.0, 1)


def test_the_same_figures_have_no_defect(expected: Expected) -> None:
    assert list(check_figures(expected=expected, found=expected)) == []


@pytest.mark.parametrize("project", ["bakery", ALL_PROJECTS])
@pytest.mark.parametrize("field", [field.name for field in fields(ProjectFigures)])
@pytest.mark.parametrize("wrong", [99, 66.7, None])
def test_a_wrong_figure_is_a_defect(
    expected: Expected, project: str, field: str, wrong: Any
) -> None:
    changes: dict[str, Any] = {field: wrong}
    found = {**expected, project: replace(expected[project], **changes)}
    (defect,) = check_figures(expected=expected, found=found)
    assert defect.kind is Kind.LOST
    assert field in defect.what
    assert project in defect.what
    assert str(wrong) in defect.what


def test_a_figure_that_differs_in_its_last_bit_is_right(expected: Expected) -> None:
    csat = expected["bakery"].csat
    assert csat is not None
    near = replace(expected["bakery"], csat=nextafter(csat, 100))
    assert near != expected["bakery"]
    assert list(check_figures(expected=expected, found={**expected, "bakery": near})) == []


def test_missing_figures_and_figures_of_an_unknown_project_are_defects(
    expected: Expected,
) -> None:
    without = {project: each for project, each in expected.items() if project != "bakery"}
    assert list(check_figures(expected=expected, found=without))
    assert list(check_figures(expected=without, found=expected))


def test_an_answer_without_a_conversation_counts_by_itself() -> None:
    effects = [_answer(ANA, "weni_csat", 5, conversation=0), _answer(ANA, "weni_csat", 1)]
    sent = as_sent(planned(0, effect, contact=contact) for contact, effect in effects)
    figures = expected_figures(expected_effects(sent))["bakery"]

    assert (figures.csat_answers, figures.csat_mean, figures.answered) == (2, 3.0, 0)

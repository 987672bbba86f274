"""The demo prints its figures as a table for people and as JSON for programs."""

import json
from dataclasses import replace
from io import StringIO

from rich.console import Console

from demo.report import figures_table, summarize
from testbed.checker.figures import ALL_PROJECTS, ProjectFigures, figures_of
from testbed.checker.stores import Stores

NOTHING = figures_of([])
BAKERY = replace(
    NOTHING, csat=200 / 3, csat_mean=4.0, nps=50.0, closed=4, answered=3, survey_response=75.0
)
OF_ALL = replace(BAKERY, nps=0.0, closed=5, survey_response=60.0)
EXPECTED: dict[str, ProjectFigures] = {
    "bakery": BAKERY,
    "bank": replace(NOTHING, closed=1),
    ALL_PROJECTS: OF_ALL,
}


def test_the_table_has_found_figures_below_expected_ones() -> None:
    wrong = {**EXPECTED, "bakery": replace(BAKERY, csat_mean=3.98765)}
    output = StringIO()
    Console(file=output, width=80).print(
        figures_table(names={"bakery": "Bakery", "bank": "Bank"}, expected=EXPECTED, found=wrong)
    )
    cells = [line.replace("│", " ").split() for line in output.getvalue().splitlines()]
    assert ["Bakery", "expected", "66.7", "4.00", "50.0", "75.0", "4"] in cells
    assert ["found", "66.7", "3.99", "50.0", "75.0", "4"] in cells
    assert ["Bank", "expected", "-", "-", "-", "-", "1"] in cells
    assert ["All,", "with", "samples", "expected", "66.7", "4.00", "0.0", "60.0", "5"] in cells


def test_the_summary_has_csat_and_nps_of_all_projects_with_one_decimal_place() -> None:
    figures = {ALL_PROJECTS: replace(OF_ALL, nps=-100 / 3)}
    summary = summarize(events=1, found=Stores(), figures=figures, defects=[], sqs_calls={})
    document = json.loads(summary.as_json())
    assert (document["csat"], document["nps"]) == (66.7, -33.3)


def test_the_summary_of_a_run_without_answers_has_no_csat_and_no_nps() -> None:
    summary = summarize(events=1, found=Stores(), figures={}, defects=[], sqs_calls={})
    document = json.loads(summary.as_json())
    assert (document["csat"], document["nps"]) == (None, None)

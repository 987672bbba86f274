"""`manage.py report` prints the figures as tables, as JSON or as CSV."""

import csv
import io
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from apps.conversations.models import Resolution
from apps.conversations.project_models import Project
from tests.support.builders import CHANNEL, NOON, PROJECT
from tests.support.figures import answers, closed, made_project, opened

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
# Closed conversations were opened so many seconds before.
YEAR = 365 * 86_400.0
THE_DAY = ("--from", "2026-11-23", "--to", "2026-11-23")
WRITE_A_UUID = "write one such as 5f0c2f3a-6b1d-4a57-9c39-2e8d1f7a4b60."
OF_PROJECT = ("--project", str(PROJECT))


def report(*arguments: str) -> str:
    """Run the command. Return its output."""
    output = io.StringIO()
    call_command("report", *arguments, stdout=output)
    return output.getvalue()


def as_json(*arguments: str) -> Any:
    """Run the command with --json. Return the document."""
    return json.loads(report("--json", *arguments))


def lines_of(table: str) -> list[list[str]]:
    """Return the cells of the rows of all tables."""
    rows = [line for line in table.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in row.strip("│").split("│")] for row in rows]


@pytest.fixture(autouse=True)
def _a_day(db: None) -> None:
    """Create three closed conversations, one of them of outreach, and an open one."""
    made_project(timezone="UTC")
    Project.objects.filter(uuid=PROJECT).update(name="[red]Shop")
    answered = closed(
        NOON,
        resolution=Resolution.RESOLVED,
        messages=4,
        span=(NOON - timedelta(seconds=90), NOON),
        contact_wrote=True,
    )
    answered.csat = 5
    answered.save()
    answers([5], at=NOON, conversation=answered)
    answers([4, 1], at=NOON)
    answers([10, 9, 7], at=NOON, key="weni_nps")
    closed(NOON, contact_wrote=True)
    closed(NOON)
    opened(NOON, contact_wrote=True, first_sent_at=NOON + timedelta(seconds=30))


def test_the_tables_have_the_figures_rounded() -> None:
    output = report(*OF_PROJECT, *THE_DAY)

    assert "[red]Shop (UTC), 2026-11-23 to 2026-11-23" in output
    rows = lines_of(output)
    for row in (
        ["CSAT, share of 4 and 5", "66.7%"],
        ["CSAT, mean score", "3.33"],
        ["CSAT answers", "3 (1: 1, 2: 0, 3: 0, 4: 1, 5: 1)"],
        ["NPS", "+66.7"],
        ["NPS, mean score", "8.67"],
        ["NPS answers", "3 (2 promoters, 1 passive, 0 detractors)"],
        ["of these, outreach", "1 (the contact never wrote)"],
        ["survey response rate", "50.0% (1 of 2)"],
        ["conversations opened", "1"],
        ["conversations closed", "3"],
        ["resolved", "1"],
        ["archived messages of these", "4"],
        ["median messages", "4"],
        ["median duration", "1m30s"],
        ["first response time", "median 30s, p90 30s (1 conversation)"],
        ["time to resolution", "median 365d, p90 365d (2 conversations)"],
        ["2026-11-23", "30s", "30s", "365d", "365d"],
        ["2026-11-23", "1", "3", "1", "66.7%", "3", "+66.7", "3"],
        ["12:00", "1"],
    ):
        assert row in rows


def test_json_has_all_figures_unrounded_under_stable_names() -> None:
    document = as_json(*OF_PROJECT, *THE_DAY)

    csat = {
        "answers": 3,
        "satisfied_percent": 200 / 3,
        "mean": 10 / 3,
        "distribution": {"1": 1, "2": 0, "3": 0, "4": 1, "5": 1},
    }
    distribution = {str(score): int(score in (7, 9, 10)) for score in range(11)}
    nps = {
        "answers": 3,
        "score": 200 / 3,
        "mean": 26 / 3,
        "promoters": 2,
        "passives": 1,
        "detractors": 0,
        "distribution": distribution,
    }
    closings = {
        "opened": 1,
        "closed": 3,
        "by_resolution": {"resolved": 1, "unresolved": 0, "unclassified": 2, "has_chat_room": 0},
        "outreach": 1,
        "first_response": {"count": 1, "median_seconds": 30.0, "p90_seconds": 30.0},
        "time_to_resolution": {"count": 2, "median_seconds": YEAR, "p90_seconds": YEAR},
    }
    assert document == {
        "project": str(PROJECT),
        "channel": None,
        "from": "2026-11-23",
        "to": "2026-11-23",
        "figures": {
            "csat": csat,
            "nps": nps,
            "conversations": {
                **closings,
                "contact_wrote": 2,
                "with_survey_answer": 1,
                "survey_response_percent": 50.0,
                "archived": 3,
                "messages": 4,
                "median_messages": 4.0,
                "median_duration_seconds": 90.0,
            },
            "opened_by_hour": {f"{hour:02d}": int(hour == 12) for hour in range(24)},
        },
        "days": [{"day": "2026-11-23", "csat": csat, "nps": nps, "conversations": closings}],
    }


def test_csv_has_a_row_for_each_figure_of_the_json() -> None:
    period = ("--from", "2026-11-22", "--to", "2026-11-23")
    document = as_json(*OF_PROJECT, *period)
    head, *rows = csv.reader(io.StringIO(report("--csv", *OF_PROJECT, *period)))

    assert head == ["day", "figure", "value"]
    assert ["", "csat.satisfied_percent", repr(200 / 3)] in rows
    assert ["", "conversations.median_duration_seconds", "90.0"] in rows
    assert ["2026-11-22", "csat.satisfied_percent", ""] in rows
    assert ["2026-11-23", "nps.distribution.10", "1"] in rows
    assert len(rows) == leaves(document["figures"]) + sum(
        leaves(day) - 1 for day in document["days"]
    )


def leaves(document: Any) -> int:
    """Return the number of values in a document."""
    return sum(map(leaves, document.values())) if isinstance(document, dict) else 1


def test_figures_without_data_are_named_so_and_null() -> None:
    made_project(uuid=(other := uuid4()), timezone="UTC")
    arguments = ("--project", str(other), *THE_DAY)

    assert ["CSAT, share of 4 and 5", "no data"] in lines_of(report(*arguments))
    assert ["median duration", "no data"] in lines_of(report(*arguments))
    assert ["first response time", "no data"] in lines_of(report(*arguments))
    assert ["CSAT answers", "none"] in lines_of(report(*arguments))
    assert ["survey response rate", "no data (0 of 0)"] in lines_of(report(*arguments))
    assert as_json(*arguments)["figures"]["nps"]["score"] is None


def test_the_default_is_all_projects_and_the_last_seven_days() -> None:
    made_project(uuid=(other := uuid4()), timezone="Asia/Tokyo")
    opened(NOON - 6 * DAY, project=other)
    opened(NOON - 7 * DAY, project=other)

    # In the default time zone (São Paulo) it is still the 23rd.
    with time_machine.travel(NOON + timedelta(hours=14), tick=False):
        document = as_json()
        output = report()

    assert (document["project"], document["from"], document["to"]) == (
        None,
        "2026-11-18",
        "2026-11-24",
    )
    # The one of six days ago is on the 17th, both in UTC and in Tokyo.
    assert document["figures"]["conversations"]["opened"] == 1
    assert "All projects, each in its time zone, 2026-11-18 to 2026-11-24" in output


def test_the_last_day_of_all_projects_includes_today_in_every_time_zone() -> None:
    """At 20:00 UTC it is tomorrow in Kolkata and Auckland."""
    evening = NOON + timedelta(hours=8)
    for number, zone in enumerate(("Asia/Kolkata", "America/Sao_Paulo", "Pacific/Auckland")):
        made_project(uuid=UUID(int=number + 1), timezone=zone)
        opened(evening, project=UUID(int=number + 1))

    with time_machine.travel(evening, tick=False):
        document = as_json()

    assert (document["from"], document["to"]) == ("2026-11-18", "2026-11-24")
    by_day = {day["day"]: day["conversations"]["opened"] for day in document["days"]}
    # The fixture has opened one on the 23rd.
    assert (by_day["2026-11-23"], by_day["2026-11-24"]) == (2, 2)


def test_the_last_day_is_today_in_the_projects_zone() -> None:
    made_project(timezone="Asia/Tokyo")

    with time_machine.travel(NOON + timedelta(hours=4), tick=False):
        document = as_json(*OF_PROJECT)
        one_sided = as_json(*OF_PROJECT, "--from", "2026-11-20")

    assert (document["from"], document["to"]) == ("2026-11-18", "2026-11-24")
    assert (one_sided["from"], one_sided["to"]) == ("2026-11-20", "2026-11-24")


@pytest.mark.parametrize(("channel", "opened_there"), [(CHANNEL, 1), (UUID(int=7), 0)])
def test_the_figures_can_be_limited_to_a_channel(channel: UUID, opened_there: int) -> None:
    arguments = ("--channel", str(channel), *THE_DAY)

    assert as_json(*arguments)["figures"]["conversations"]["opened"] == opened_there
    assert str(channel) in " ".join(report(*arguments).split())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--project", "shop"), f'"shop" is not a UUID: {WRITE_A_UUID}'),
        (
            ("--project", str(UUID(int=7))),
            f"There is no project {UUID(int=7)}. `projects list` shows all projects.",
        ),
        (("--channel", "phone"), f'"phone" is not a UUID: {WRITE_A_UUID}'),
        (("--from", "yesterday"), '"yesterday" is not a day: write YYYY-MM-DD.'),
        (("--from", "20261123"), '"20261123" is not a day: write YYYY-MM-DD.'),
        (("--to", "2026-02-30"), '"2026-02-30" is not a day: write YYYY-MM-DD.'),
        (("--to", "0001-01-01"), "The period must be within 1970-01-01 and 2999-12-31."),
        (
            ("--from", "2026-11-24", "--to", "2026-11-23"),
            "The period begins on 2026-11-24, after its end on 2026-11-23.",
        ),
        (("--json", "--csv"), "Error: argument --csv: not allowed with argument --json"),
    ],
)
def test_invalid_arguments_are_refused_with_a_sentence(
    arguments: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(CommandError) as refused:
        report(*arguments)

    assert str(refused.value) == problem


def test_an_unavailable_database_is_reported_in_a_sentence() -> None:
    def refuse(*_arguments: Any) -> Any:
        raise OperationalError

    with (
        connection.execute_wrapper(refuse),
        pytest.raises(CommandError, match=r"PostgreSQL cannot be used.*Run it again later"),
    ):
        report()

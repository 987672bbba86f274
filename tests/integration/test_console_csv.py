"""Each table of the console is also a CSV file, for the same scope and period."""

import logging
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests.support.builders import CHANNEL, NOON, PROJECT
from tests.support.closings import at
from tests.support.console import made_days, made_shop
from tests.support.console_client import MAY_SEE, browser, figures_page, get, parameters_of
from tests.support.console_csv import csv_rows
from tests.support.figures import answers, closed
from tests.support.html import Document

pytestmark = pytest.mark.django_db

CSV = "admin:analytics_console_csv"
WEEK = {"project": str(PROJECT), "first": "2026-11-17", "last": "2026-11-23"}


@pytest.fixture(autouse=True)
def _the_console_is_on(settings: Any) -> Iterator[None]:
    settings.CONSOLE_ENABLED = True
    with at(NOON):
        yield


@pytest.fixture
def viewer(db: None) -> Client:
    """A client of a user who may see the figures, of a shop with a week of conversations."""
    made_shop()
    made_days(7, a_day=4)
    return browser(*MAY_SEE)


def files_of(document: Document) -> dict[str, str]:
    """Return the address of each file that a page links, by the name of its table."""
    return {
        parameters_of(one.attributes["href"])["table"]: one.attributes["href"]
        for one in document.all("a", of_class="console-csv")
    }


def test_each_table_of_the_page_has_a_file_with_the_same_numbers(viewer: Client) -> None:
    document = figures_page(viewer, **WEEK)
    files = files_of(document)

    charts = [one.attributes["id"] for one in document.all("figure")]
    assert list(files) == ["figures", *charts]
    for chart in charts:
        shown = [
            [cell.removesuffix("%").lstrip("+") for cell in row[1:]]
            for row in document.rows(within=chart)
        ]
        in_file = [list(row.values())[-len(shown[0]) :] for row in csv_rows(viewer, files[chart])]
        assert [[as_shown(one) for one in row] for row in in_file] == [
            [as_shown(one) for one in row] for row in shown
        ]
        assert len(shown) > 4


def as_shown(cell: str) -> str:
    """Return a number of a page or a file with one decimal, and no data as nothing."""
    number = cell.replace("no data", "").replace("\N{MINUS SIGN}", "-")
    return f"{float(number):z.1f}" if number else ""


def test_a_file_by_day_has_dates_and_says_which_day_is_not_over(viewer: Client) -> None:
    rows = csv_rows(viewer, reverse(CSV), **WEEK, table="csat-by-time")

    assert [row["From"] for row in rows] == [f"2026-11-{day}" for day in range(17, 24)]
    assert [row["To"] for row in rows] == [row["From"] for row in rows]
    # It is 09:00 of the last day in the shop's time zone.
    assert [row["Complete"] for row in rows] == ["yes"] * 6 + ["no"]


def test_a_file_of_the_figures_has_those_of_the_period_before(viewer: Client) -> None:
    for day in (10, 11):
        for _ in range(3):
            end = NOON.replace(day=day)
            closed(end, opened_at=end)
    closed(NOON.replace(day=16), opened_at=NOON.replace(day=16))

    rows = csv_rows(viewer, reverse(CSV), **WEEK, table="figures")

    (opened,) = [row for row in rows if row["Figure"] == "Opened"]
    # Four a day, but none on the third last day. The last day is not over; 16 November is the day
    # that it would be compared with.
    assert opened == {
        "Figure": "Opened",
        "Unit": "",
        "Value": "24",
        "Answers or conversations": "24",
        "In complete days": "20",
        "Before": "6",
        "Change": "14",
        "Unit of the change": "",
    }


def test_a_file_contains_only_its_channel_and_its_name_says_so(viewer: Client) -> None:
    other = uuid4()
    answers([5], at=NOON, channel=other)

    answer = get(viewer, reverse(CSV), **WEEK, channel=str(other), table="csat-distribution")

    assert answer.content.decode("utf-8-sig").split() == [
        *("Score,Answers", "1,0", "2,0", "3,0", "4,0", "5,1")
    ]
    name = f"csat-answers_shop_channel-{other}_2026-11-17_2026-11-23.csv"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'


def test_the_file_of_a_project_without_letters_has_its_id_in_its_name(viewer: Client) -> None:
    made_shop(name="パン屋")

    answer = get(viewer, reverse(CSV), **WEEK, table="nps-by-time")

    assert f"nps-by-day_{PROJECT}_2026" in answer["Content-Disposition"]


def test_a_file_in_portuguese_has_semicolons_and_decimal_commas(viewer: Client) -> None:
    answers([5, 5, 1], at=NOON - timedelta(days=40))
    with translation.override("pt-br"):
        answer = viewer.get(
            reverse(CSV),
            {
                "project": str(PROJECT),
                "first": "2026-10-14",
                "last": "2026-10-14",
                "table": "csat-by-time",
            },
            secure=True,
            headers={"accept-language": "pt-BR"},
        )

    (_, row) = answer.content.decode("utf-8-sig").splitlines()
    assert row.startswith("2026-10-14;2026-10-14;")
    assert row.endswith(';"66,6667";"3,6667";2;3')


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"table": "salaries"},
        {"table": "csat-by-time", "first": "never"},
        {"table": "csat-by-time", "channel": "telegram"},
        {"table": "../figures"},
    ],
)
def test_a_file_of_no_table_is_not_found(viewer: Client, parameters: dict[str, str]) -> None:
    assert get(viewer, reverse(CSV), **parameters).status_code == 404


def test_a_download_is_logged_by_ids_as_a_page_is(
    viewer: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="apps.common.console_access"):
        get(viewer, reverse(CSV), **WEEK, channel=str(CHANNEL), table="figures")

    (record,) = [vars(one) for one in caplog.records if "console_access" in one.name]
    assert record["page"] == "console csv"
    assert (record["project_id"], record["channel_id"]) == (str(PROJECT), str(CHANNEL))


def test_the_last_day_is_marked_until_it_is_over(viewer: Client) -> None:
    first_cells = [row[0] for row in figures_page(viewer, **WEEK).rows(within="csat-by-time")]
    assert first_cells[-2:] == ["22 Nov 2026", "23 Nov 2026 (not over)"]

    # Midnight in São Paulo is 03:00 in UTC.
    for hour, is_over in ((2, False), (3, True)):
        with at(NOON.replace(day=24, hour=hour)):
            document = figures_page(viewer, **WEEK)
        marks = list(document.all("rect", of_class="console-unfinished", within="csat-by-time"))
        assert (not marks) is is_over
        cells = [row[0] for row in document.rows(within="closings-by-time")]
        assert cells[-1] == ("23 Nov 2026" if is_over else "23 Nov 2026 (not over)")


def test_the_page_says_what_time_it_is_where_the_day_is_not_over(viewer: Client) -> None:
    texts = [
        one.text for one in figures_page(viewer, **WEEK).all("strong", of_class="console-today")
    ]

    assert "23 Nov 2026 is not over yet: it is 09:00." in texts


def test_the_cards_show_the_figures_before_and_how_they_changed(viewer: Client) -> None:
    for number in range(40):
        end = NOON.replace(day=12) + timedelta(minutes=number)
        closed(end, opened_at=end, contact_wrote=True)

    document = figures_page(viewer, **WEEK)

    names = [one.text for one in document.all("dt")]
    compared = [one.text for one in document.all("dd", of_class="console-compared")]
    cards = dict(zip(names, compared, strict=True))
    assert cards["Opened"] == (
        "in complete days: 20; before: 40; \N{MINUS SIGN}20 (\N{MINUS SIGN}50.0%)"
    )
    assert cards["NPS"].endswith("before: no data")
    notes = [one.text for one in document.all("p", of_class="console-note")]
    assert any(
        "17 Nov 2026 to 22 Nov 2026 is compared with 10 Nov 2026 to 15 Nov 2026." in note
        for note in notes
    )


def test_today_alone_is_not_compared(viewer: Client) -> None:
    today = str(date(2026, 11, 23))

    document = figures_page(viewer, project=str(PROJECT), first=today, last=today)

    assert not list(document.all("dd", of_class="console-compared"))
    notes = [one.text for one in document.all("p", of_class="console-note")]
    assert "Nothing is compared: no day of this period is over." in notes


def test_the_channels_of_the_chosen_project_are_offered_with_their_counts(viewer: Client) -> None:
    quiet = uuid4()
    closed(NOON, channel=quiet)
    closed(NOON - timedelta(days=30), channel=uuid4(), opened_at=NOON - timedelta(days=30))

    document = figures_page(viewer, **WEEK)

    assert channel_options(document) == {
        "": "All channels",
        str(CHANNEL): f"{CHANNEL}: 24 opened, 24 closed",
        str(quiet): f"{quiet}: 0 opened, 1 closed",
    }


def channel_options(document: Document) -> dict[str, str]:
    """Return the values and the texts of the list of channels."""
    return {
        one.attributes["value"]: one.text.strip()
        for one in document.all("option")
        if any(parent.attributes.get("name") == "channel" for parent in one.parents)
    }


def test_a_selected_channel_without_conversations_stays_selected(viewer: Client) -> None:
    gone = str(uuid4())

    document = figures_page(viewer, **WEEK, channel=gone)

    assert channel_options(document)[gone] == f"{gone}: no conversations"
    (selected,) = [
        one
        for one in document.all("option")
        if "selected" in one.attributes and one.attributes["value"] == gone
    ]
    assert selected


def test_without_a_project_there_are_no_channels_to_choose(viewer: Client) -> None:
    document = figures_page(viewer)

    assert channel_options(document) == {"": "All (choose a project first)"}
    (field,) = [one for one in document.all("select") if one.attributes["name"] == "channel"]
    assert "disabled" in field.attributes

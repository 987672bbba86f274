"""Projects are shown side by side, in a chosen order and as a CSV file."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.analytics.console import projects as console_projects
from apps.analytics.console import views
from apps.conversations.project_models import Project
from tests.support.builders import NOON
from tests.support.closings import at
from tests.support.console_client import MAY_SEE, browser, get, page, parameters_of
from tests.support.console_csv import csv_rows
from tests.support.figures import answers, closed, made_project
from tests.support.html import Document

pytestmark = pytest.mark.django_db

PROJECTS = "admin:analytics_console_projects"
CSV = "admin:analytics_console_projects_csv"
DAYS = {"first": "2026-11-20", "last": "2026-11-22"}
AT = NOON.replace(day=21)
BAKERY, CINEMA, HOTEL, EMPTY = (UUID(int=number) for number in range(1, 5))


@pytest.fixture(autouse=True)
def _the_console_is_on(settings: Any) -> Iterator[None]:
    settings.CONSOLE_ENABLED = True
    with at(NOON):
        yield


@pytest.fixture
def viewer(db: None) -> Client:
    """A client of a user who may see the figures of four projects, one of which has none."""
    names = {BAKERY: "bakery", CINEMA: "Cinema", HOTEL: "=HOTEL()", EMPTY: "Empty"}
    for uuid, name in names.items():
        made_project(uuid=uuid, timezone="America/Sao_Paulo")
        Project.objects.filter(pk=uuid).update(name=name)
    for project, number in ((BAKERY, 3), (CINEMA, 1), (HOTEL, 2)):
        for _ in range(number):
            closed(AT, project=project, opened_at=AT, messages=number, contact_wrote=True)
    answers([5, 1], at=AT, project=BAKERY)
    answers([5], at=AT, project=HOTEL)
    return browser(*MAY_SEE)


def projects_page(client: Client, **parameters: Any) -> Document:
    """Request the page, and return it."""
    return page(client, reverse(PROJECTS), **{**DAYS, **parameters})


def names(document: Document) -> list[str]:
    """Return the names of the projects, in the order of the rows."""
    return [row[0] for row in document.rows(within="projects")]


def test_all_projects_with_figures_have_a_row_each(viewer: Client) -> None:
    document = projects_page(viewer)

    times = ["no data", "no data", "0s"]
    assert document.rows(within="projects") == [
        ["=HOTEL()", "100.0%", "1", "no data", "0", "no data", "2", "2", "0", "2", *times],
        ["bakery", "50.0%", "2", "no data", "0", "no data", "3", "3", "0", "3", *times],
        ["Cinema", "no data", "0", "no data", "0", "no data", "1", "1", "0", "1", *times],
    ]
    titles = [one.text for one in document.all("th") if one.attributes.get("scope") == "col"]
    assert titles[:5] == ["Project", "CSAT, share of 4 and 5", "CSAT answers", "NPS", "NPS answers"]


def test_chosen_projects_have_a_row_even_without_figures(viewer: Client) -> None:
    document = projects_page(viewer, project=[str(EMPTY), str(CINEMA)])

    assert names(document) == ["Cinema", "Empty"]
    chosen = {
        one.attributes["value"] for one in document.all("input") if "checked" in one.attributes
    }
    assert chosen == {str(EMPTY), str(CINEMA)}


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("project", ["=HOTEL()", "bakery", "Cinema"]),
        ("-project", ["Cinema", "bakery", "=HOTEL()"]),
        ("opened", ["Cinema", "=HOTEL()", "bakery"]),
        ("-opened", ["bakery", "=HOTEL()", "Cinema"]),
        ("-median-length", ["bakery", "=HOTEL()", "Cinema"]),
        # A project without data comes last in both directions; equal ones are ordered by name.
        ("csat", ["bakery", "=HOTEL()", "Cinema"]),
        ("-csat", ["=HOTEL()", "bakery", "Cinema"]),
        ("-csat-answers", ["bakery", "=HOTEL()", "Cinema"]),
        ("-outreach", ["=HOTEL()", "bakery", "Cinema"]),
        ("price", ["=HOTEL()", "bakery", "Cinema"]),
    ],
)
def test_the_rows_are_ordered_by_a_figure(viewer: Client, sort: str, expected: list[str]) -> None:
    assert names(projects_page(viewer, sort=sort)) == expected


def test_a_title_orders_by_its_figure_and_a_second_selection_turns_the_order_round(
    viewer: Client,
) -> None:
    def links(document: Document) -> dict[str, str]:
        heads = [one for one in document.all("th") if one.attributes.get("scope") == "col"]
        return {
            one.text: one.attributes["href"]
            for one in document.all("a", within="projects")
            if any(head in one.parents for head in heads)
        }

    document = projects_page(viewer, project=str(BAKERY))
    for sort, order in (("-closed", "descending"), ("closed", "ascending")):
        target = links(document)["Closed"]
        assert parameters_of(target) == {**DAYS, "project": str(BAKERY), "sort": sort}
        document = page(viewer, target)
        (ordered,) = [one for one in document.all("th") if "aria-sort" in one.attributes]
        assert (ordered.text, ordered.attributes["aria-sort"]) == ("Closed", order)


def test_a_project_links_to_its_figures_of_the_period(viewer: Client) -> None:
    (link,) = [one for one in projects_page(viewer).all("a") if one.text == "Cinema"]

    assert link.attributes["href"].startswith(reverse("admin:analytics_console"))
    assert parameters_of(link.attributes["href"]) == {"project": str(CINEMA), **DAYS}


def test_the_file_has_the_rows_of_the_page_with_ids_and_raw_numbers(viewer: Client) -> None:
    document = projects_page(viewer, sort="-opened")
    (link,) = document.all("a", of_class="console-csv")

    rows = csv_rows(viewer, link.attributes["href"])

    assert [row["Project"] for row in rows] == ["bakery", "'=HOTEL()", "Cinema"]
    assert list(rows[0].items())[1:7] == [
        ("Project id", str(BAKERY)),
        ("From", "2026-11-20"),
        ("To", "2026-11-22"),
        ("Complete", "yes"),
        ("CSAT, share of 4 and 5 (%)", "50"),
        ("CSAT answers", "2"),
    ]
    assert rows[2]["CSAT, share of 4 and 5 (%)"] == ""
    answer = get(viewer, link.attributes["href"])
    assert "projects_2026-11-20_2026-11-22.csv" in answer["Content-Disposition"]


def test_projects_in_whose_zone_the_last_day_is_not_over_are_marked(viewer: Client) -> None:
    Project.objects.filter(pk=HOTEL).update(timezone="Pacific/Auckland")
    today = {"last": "2026-11-23"}
    # 12:00 in UTC is 01:00 of the next day in Auckland.
    document = projects_page(viewer, **today)

    assert names(document) == ["=HOTEL()", "bakery not over", "Cinema not over"]
    rows = csv_rows(viewer, reverse(CSV), **{**DAYS, **today})
    assert [row["Complete"] for row in rows] == ["yes", "no", "no"]
    assert not list(document.all("strong", of_class="console-today"))

    document = projects_page(viewer, **today, project=[str(BAKERY), str(CINEMA)])
    assert names(document) == ["bakery", "Cinema"]
    assert "23 Nov 2026 is not over yet." in [
        one.text for one in document.all("strong", of_class="console-today")
    ]


def test_the_page_shows_a_bounded_number_of_projects_and_the_file_all(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MAX_SHOWN", 2)

    document = projects_page(viewer)

    assert len(names(document)) == 2
    assert any("1 more project is in the CSV file." in one.text for one in document.all("p"))
    assert len(csv_rows(viewer, reverse(CSV), **DAYS)) == 3


def test_too_many_chosen_projects_are_refused_with_a_sentence(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_projects, "MAX_CHOSEN", 1)
    chosen = {"project": [str(BAKERY), str(CINEMA)]}

    document = projects_page(viewer, **chosen)

    alerts = [one.text for one in document.all("div") if one.attributes.get("role") == "alert"]
    assert "Choose at most 1 projects, or none to compare all of them." in alerts[0]
    assert not list(document.all("table"))
    assert get(viewer, reverse(CSV), **DAYS, **chosen).status_code == 404


def test_a_period_without_data_says_so(viewer: Client) -> None:
    document = projects_page(viewer, first="2026-01-01", last="2026-01-02")

    assert [one.text for one in document.all("p", of_class="console-nothing")] == [
        "No data in this period."
    ]


def test_the_page_runs_as_many_statements_for_many_projects_as_for_one(
    viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(10, 30):
        made_project(uuid=UUID(int=number), timezone="UTC")
        closed(AT - timedelta(hours=1), project=UUID(int=number))

    with django_assert_max_num_queries(12):
        projects_page(viewer)


def test_the_page_and_the_file_are_logged_with_the_ids_of_the_chosen_projects(
    viewer: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="apps.common.console_access"):
        for view in (PROJECTS, CSV):
            get(viewer, reverse(view), **DAYS, project=[str(BAKERY), str(HOTEL)])

    records = [vars(one) for one in caplog.records if "console_access" in one.name]
    assert [one["page"] for one in records] == ["console projects", "console projects csv"]
    assert all(set(one["project_ids"].split(",")) == {str(BAKERY), str(HOTEL)} for one in records)


def test_the_console_links_to_the_projects_of_its_period(viewer: Client) -> None:
    document = page(viewer, reverse("admin:analytics_console"), **DAYS)

    (link,) = [one for one in document.all("a") if one.text == "Projects side by side"]
    assert parameters_of(link.attributes["href"]) == DAYS

"""The console page shows the figures and links to the rows that they count."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.analytics.console import drilldown_page
from apps.analytics.figures import Figures, Period, Scope, figures, texts
from apps.analytics.models import SurveyAnswer
from apps.conversations.models import Conversation, Resolution
from tests.support.builders import CHANNEL, NOON, PROJECT
from tests.support.closings import at
from tests.support.console import LAST_DAY, made_days, made_shop
from tests.support.console_client import (
    DRILLDOWN,
    FIGURES,
    MAY_READ,
    browser,
    figures_page,
    get,
    page,
    parameters_of,
    whole_list,
)
from tests.support.figures import answers, closed, made_project, opened
from tests.support.html import Document

pytestmark = pytest.mark.django_db

WEEK = Period.of_days(7, last=LAST_DAY)
CHARTS = (
    "csat-by-time",
    "nps-by-time",
    "csat-distribution",
    "nps-distribution",
    "openings-by-hour",
    "closings-by-time",
)


@pytest.fixture(autouse=True)
def _the_console_is_on(settings: Any) -> Iterator[None]:
    settings.CONSOLE_ENABLED = True
    with at(NOON):
        yield


@pytest.fixture
def operator(db: None) -> Client:
    """A client of a user who may read the figures and the messages."""
    return browser(*MAY_READ)


@pytest.fixture
def week(db: None) -> Figures:
    """The figures of a shop for one week."""
    made_shop()
    made_days(9, a_day=6)
    answers([3], at=NOON)
    answers([4], at=NOON - timedelta(hours=1), key="weni_nps")
    return figures(scope=Scope(project=PROJECT), period=WEEK)


def numbers(document: Document, chart: str) -> list[list[str]]:
    """Return the table of a chart, without its first column."""
    return [row[1:] for row in document.rows(within=chart)]


def of_week(**parameters: Any) -> dict[str, str]:
    """Return the form fields that select the project and the period of `week`."""
    days = {"first": WEEK.first.isoformat(), "last": WEEK.last.isoformat()}
    return {"project": str(PROJECT), **days, **parameters}


def test_csat_and_nps_by_day_equal_the_figures(operator: Client, week: Figures) -> None:
    document = figures_page(operator, **of_week())

    assert numbers(document, "csat-by-time") == [
        [texts.percent(one.satisfied_percent), texts.mean(one.mean)]
        + [str(n) for n in (one.distribution[4] + one.distribution[5], one.answers)]
        for one in week.surveys.csat_by_day.values()
    ]
    assert numbers(document, "nps-by-time") == [
        [texts.signed(one.score), texts.mean(one.mean)]
        + [str(n) for n in (one.promoters, one.passives, one.detractors, one.answers)]
        for one in week.surveys.nps_by_day.values()
    ]


def test_the_other_charts_equal_the_figures(operator: Client, week: Figures) -> None:
    document = figures_page(operator, **of_week())

    for chart, counts in {
        "csat-distribution": week.surveys.csat.distribution,
        "nps-distribution": week.surveys.nps.distribution,
        "openings-by-hour": week.openings.by_hour,
    }.items():
        assert numbers(document, chart) == [[str(number)] for number in counts.values()]
    assert numbers(document, "closings-by-time") == [
        [str(number) for number in day.values()] for day in week.closings.by_day.values()
    ]


def test_cards_show_the_figures_of_the_period(operator: Client, week: Figures) -> None:
    document = figures_page(operator, **of_week())

    values = [one.text.strip() for one in document.all("dd", of_class="console-value")]
    assert values == [
        texts.percent(week.surveys.csat.satisfied_percent),
        texts.signed(week.surveys.nps.score),
        texts.percent(week.closings.survey_response_percent),
        str(week.openings.opened),
        str(week.closings.closed),
        str(week.closings.outreach),
        texts.number(week.lengths.median_messages),
        texts.duration(week.lengths.median_duration),
        texts.duration(week.times.first_response.median),
        texts.duration(week.times.to_resolution.median),
    ]


@pytest.mark.parametrize("chart", CHARTS)
def test_each_bar_has_the_same_link_as_its_number_in_the_table(
    operator: Client, week: Figures, chart: str
) -> None:
    document = figures_page(operator, **of_week())

    bars = [
        one.attributes["href"] for one in document.all("a", of_class="console-link", within=chart)
    ]
    cells = [one.attributes["href"] for one in document.all("a", within=f"{chart}-numbers")]
    assert bars == cells
    assert len(bars) == len(set(bars)) > 3


@pytest.mark.parametrize("chart", CHARTS)
def test_the_name_of_each_bar_contains_its_value(
    operator: Client, week: Figures, chart: str
) -> None:
    document = figures_page(operator, **of_week())

    for bar in document.all("a", of_class="console-link", within=chart):
        assert any(character.isdigit() for character in bar.attributes["aria-label"])
        assert bar.text.startswith(bar.attributes["aria-label"])


def test_each_drilldown_lists_exactly_the_rows_that_its_bar_counts(
    operator: Client, week: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drilldown_page, "PAGE_LENGTH", 3)
    document = figures_page(operator, **of_week())
    counted: Counter[str] = Counter()

    for chart in CHARTS:
        for link in document.all("a", of_class="console-link", within=chart):
            name = link.attributes["aria-label"]
            listed = whole_list(operator, link.attributes["href"])
            (number,) = [
                int(word.replace(",", ""))
                for word, following in zip(name.split(), name.split()[1:], strict=False)
                if following.startswith(("answer", "conversation"))
            ]
            assert len(listed) == number, name
            shown = [one for one in listed if one]
            assert len(set(shown)) == len(shown)
            counted[chart] += number

    assert counted == {
        "csat-by-time": week.surveys.csat.answers,
        "csat-distribution": week.surveys.csat.answers,
        "nps-by-time": week.surveys.nps.answers,
        "nps-distribution": week.surveys.nps.answers,
        "openings-by-hour": week.openings.opened,
        "closings-by-time": week.closings.closed,
    }


def test_a_drilldown_lists_the_rows_of_its_bar(operator: Client, week: Figures) -> None:
    resolved = Conversation.objects.filter(
        resolution=Resolution.RESOLVED,
        # Midnight in São Paulo is 03:00 in UTC.
        ended_at__gte="2026-11-23T03:00Z",
        ended_at__lt="2026-11-24T03:00Z",
    ).order_by("-ended_at")
    parameters = of_week(first="2026-11-23", of="closed", resolution="0")

    listed = whole_list(operator, f"{reverse(DRILLDOWN)}?{_joined(parameters)}")

    assert listed == [
        reverse("admin:conversation_messages_transcript", args=[one.uuid]) for one in resolved
    ]
    assert listed


def _joined(parameters: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in parameters.items())


def test_pages_of_rows_with_equal_times_neither_skip_nor_repeat_rows(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drilldown_page, "PAGE_LENGTH", 2)
    made_project(timezone="UTC")
    for _ in range(7):
        conversation = closed(NOON)
        answers([5], at=NOON, conversation=conversation)

    for of in ("closed", "csat"):
        listed = whole_list(operator, f"{reverse(DRILLDOWN)}?{_joined(of_week(of=of))}")
        assert len(set(listed)) == len(listed) == 7


def test_answers_without_a_conversation_are_listed(operator: Client) -> None:
    made_project(timezone="UTC")
    answers([5], at=NOON)

    document = page(operator, reverse(DRILLDOWN), **of_week(of="csat"))

    assert "No conversation" in next(document.all("div", of_class="console-who")).text


def test_hours_are_local_in_figures_of_projects_with_different_zones(operator: Client) -> None:
    tokyo = uuid4()
    made_project(timezone="UTC")
    made_project(uuid=tokyo, timezone="Asia/Tokyo")
    opened(NOON)
    opened(NOON - timedelta(hours=9), project=tokyo)
    opened(NOON, project=tokyo)
    parameters = {**of_week(of="opened", hour="12"), "project": ""}

    listed = whole_list(operator, f"{reverse(DRILLDOWN)}?{_joined(parameters)}")

    assert len(listed) == 2


def test_figures_of_a_channel_exclude_other_channels(operator: Client) -> None:
    made_project(timezone="UTC")
    closed(NOON, channel=uuid4())
    mine = closed(NOON)

    document = figures_page(operator, **of_week(channel=str(CHANNEL)))
    links = list(document.all("a", of_class="console-link", within="closings-by-time"))

    assert [whole_list(operator, one.attributes["href"]) for one in links] == [
        [reverse("admin:conversation_messages_transcript", args=[mine.uuid])]
    ]


def test_a_long_period_is_shown_by_week_and_bars_link_to_weeks(operator: Client) -> None:
    made_shop()
    made_days(60, a_day=1)
    period = Period.of_days(60, last=LAST_DAY)
    whole = figures(scope=Scope(), period=period)
    document = figures_page(operator, first=str(period.first), last=str(period.last))

    links = list(document.all("a", of_class="console-link", within="csat-by-time"))

    assert "CSAT by week" in [one.text for one in document.all("h3")]
    found = sum(len(whole_list(operator, one.attributes["href"])) for one in links)
    assert found == whole.surveys.csat.answers


def test_without_a_period_the_last_seven_local_days_are_shown(operator: Client) -> None:
    made_project(timezone="Pacific/Kiritimati")

    document = figures_page(operator, project=str(PROJECT))

    fields = {
        one.attributes["name"]: one.attributes.get("value", "") for one in document.all("input")
    }
    # 12:00 in UTC is 02:00 of the next day in this zone.
    assert (fields["first"], fields["last"]) == ("2026-11-18", "2026-11-24")
    chosen = [one for one in document.all("option") if "selected" in one.attributes]
    assert [one.attributes["value"] for one in chosen] == [str(PROJECT), ""]


def test_for_all_projects_the_last_day_is_today_in_every_time_zone(operator: Client) -> None:
    made_project(timezone="America/Sao_Paulo")
    made_project(uuid=uuid4(), timezone="Pacific/Auckland")

    # 12:00 in UTC is 01:00 of the next day in Auckland.
    document = figures_page(operator)

    fields = {
        one.attributes["name"]: one.attributes.get("value", "") for one in document.all("input")
    }
    assert (fields["first"], fields["last"]) == ("2026-11-18", "2026-11-24")
    notes = [one.text for one in document.all("p", of_class="console-note")]
    (note,) = [note for note in notes if "is not over" in note]
    assert "23 Nov 2026 is not over yet in some of them." in note
    assert "24 Nov 2026 has not begun yet in some of them." in note


def test_the_card_of_outreach_lists_conversations_in_which_the_contact_never_wrote(
    operator: Client,
) -> None:
    made_project(timezone="UTC")
    campaign = closed(NOON)
    closed(NOON, contact_wrote=True)
    document = figures_page(operator, **of_week())

    (link,) = [
        one.attributes["href"]
        for one in document.all("a")
        if "outreach=1" in one.attributes.get("href", "")
    ]

    assert whole_list(operator, link) == [
        reverse("admin:conversation_messages_transcript", args=[campaign.uuid])
    ]


def test_the_presets_keep_project_and_channel(operator: Client) -> None:
    made_shop()

    document = figures_page(operator, **of_week(channel=str(CHANNEL)))

    presets = {
        one.text: parameters_of(one.attributes["href"])
        for one in document.all("a")
        if one.text.startswith("Last")
    }
    assert presets["Last 7 days"] == of_week(channel=str(CHANNEL))
    assert presets["Last 30 days"]["first"] == "2026-10-25"


def test_a_period_without_data_shows_a_note_in_each_chart(operator: Client) -> None:
    document = figures_page(operator)

    assert not list(document.all("a", of_class="console-link"))
    notes = [one.text for one in document.all("p", of_class="console-nothing")]
    assert notes == ["No data in this period."] * len(CHARTS)
    values = [one.text.strip() for one in document.all("dd", of_class="console-value")]
    assert values == ["no data"] * 3 + ["0"] * 3 + ["no data"] * 4


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"first": "2026-11-24", "last": "2026-11-23"}, "after its end"),
        ({"first": "1066-10-14"}, "must be within"),
        ({"last": "tomorrow"}, "valid date"),
        ({"project": str(uuid4())}, "valid choice"),
        ({"channel": "telegram"}, "valid UUID"),
    ],
)
def test_invalid_parameters_are_reported_on_the_page(
    operator: Client, parameters: dict[str, str], sentence: str
) -> None:
    document = figures_page(operator, **parameters)

    alerts = " ".join(
        one.text for one in document.all("div") if one.attributes.get("role") == "alert"
    )
    assert sentence in alerts
    assert not list(document.all("figure"))


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"of": "everything"},
        {"of": "csat", "score": "6"},
        {"of": "nps", "score": "11"},
        {"of": "nps", "hour": "3"},
        {"of": "opened", "hour": "24"},
        {"of": "closed", "resolution": "2"},
        {"of": "closed", "score": "1"},
        {"of": "opened", "outreach": "1"},
        {"of": "closed", "outreach": "0"},
        {"of": "closed", "after": "yesterday"},
        {"of": "closed", "after": "2026-11-23T00:00:00_7"},
        {"of": "closed", "after": "2026-11-23T00:00:00+00:00_7"},
        {"of": "csat", "after": f"2026-11-23T00:00:00+00:00_{uuid4()}"},
        {"of": "closed", "first": "never"},
    ],
)
def test_a_drilldown_address_that_belongs_to_no_bar_is_not_found(
    operator: Client, parameters: dict[str, str]
) -> None:
    assert get(operator, reverse(DRILLDOWN), **parameters).status_code == 404


def test_the_page_runs_few_statements(
    operator: Client, week: Figures, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    # Three times five for the figures: of the period, of its complete days, and of those before.
    with django_assert_max_num_queries(25):
        figures_page(operator, **of_week())


def test_a_drilldown_runs_as_many_statements_for_a_page_as_for_a_row(
    operator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    made_project(timezone="UTC")
    for _ in range(20):
        answers([5], at=NOON, conversation=closed(NOON))

    with django_assert_max_num_queries(9):
        page(operator, reverse(DRILLDOWN), **of_week(of="csat"))

    assert SurveyAnswer.objects.count() == 20


def test_every_figure_page_has_one_heading_for_each_chart(operator: Client, week: Figures) -> None:
    document = figures_page(operator, **of_week())

    assert [one.attributes["id"] for one in document.all("figure")] == list(CHARTS)
    for slug in CHARTS:
        (picture,) = [
            one for one in document.all("svg", within=slug) if one.attributes.get("role") == "group"
        ]
        assert picture.attributes["aria-labelledby"] == f"{slug}-title"
        (title,) = [one for one in document.all("h3") if one.attributes["id"] == f"{slug}-title"]
        assert title.text


def test_a_very_long_period_is_not_an_error(operator: Client) -> None:
    made_shop()
    made_days(1)

    for first in (date(2017, 1, 1), date(2026, 1, 1)):
        document = figures_page(operator, first=str(first), last=str(LAST_DAY))
        assert len(document.rows(within="csat-by-time")) <= 35


def test_the_page_of_figures_has_its_documented_address() -> None:
    assert reverse(FIGURES) == "/admin/analytics/surveyanswer/console/"

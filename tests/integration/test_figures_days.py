"""Days are local days of each project, even when clocks change."""

from datetime import date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from apps.analytics.figures import Figures, Period, Scope, figures
from tests.support.builders import PROJECT
from tests.support.figures import answers, closed, made_project, opened

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


def figures_of(first: date, last: date | None = None, *, project: UUID | None = PROJECT) -> Figures:
    """Return the figures of these days."""
    return figures(scope=Scope(project=project), period=Period(first=first, last=last or first))


def count(found: Figures) -> tuple[int, int, int]:
    """Return the numbers of answers, openings and closings."""
    return found.surveys.csat.answers, found.openings.opened, found.closings.closed


def one_of_each(at: datetime, *, project: UUID = PROJECT) -> None:
    """Create an answer, an opening and a closing at this time."""
    answers([5], at=at, project=project)
    opened(at, project=project)
    closed(at, project=project)


def midnight(day: date, timezone: str) -> datetime:
    """Return the start of a day: midnight, or the first instant after a skipped midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone))


@pytest.mark.parametrize(
    "timezone",
    [
        "UTC",
        "America/Sao_Paulo",
        "America/St_Johns",
        "Asia/Kathmandu",
        "Pacific/Kiritimati",
        "Pacific/Pago_Pago",
    ],
)
def test_a_day_begins_and_ends_at_midnight_of_its_zone(timezone: str) -> None:
    made_project(timezone=timezone)
    day = date(2026, 11, 23)
    one_of_each(midnight(day, timezone) - MICROSECOND)
    one_of_each(midnight(day, timezone))
    one_of_each(midnight(day + DAY, timezone) - MICROSECOND)
    one_of_each(midnight(day + DAY, timezone))

    assert count(figures_of(day)) == (2, 2, 2)
    whole = figures_of(day - DAY, day + DAY)
    assert count(whole) == (4, 4, 4)
    for by_day in (
        {one: csat.answers for one, csat in whole.surveys.csat_by_day.items()},
        whole.openings.by_day,
        {one: sum(numbers.values()) for one, numbers in whole.closings.by_day.items()},
    ):
        assert by_day == {day - DAY: 1, day: 2, day + DAY: 1}


@pytest.mark.parametrize(
    ("timezone", "day", "hours", "doubled", "skipped"),
    [
        ("America/New_York", date(2026, 3, 8), 23, None, 2),
        ("America/New_York", date(2026, 11, 1), 25, 1, None),
        ("Europe/Lisbon", date(2026, 3, 29), 23, None, 1),
        ("Europe/Lisbon", date(2026, 10, 25), 25, 1, None),
        ("America/Sao_Paulo", date(2018, 11, 4), 23, None, 0),
        ("America/Sao_Paulo", date(2018, 2, 17), 25, 23, None),
        ("Africa/Cairo", date(2026, 4, 24), 23, None, 0),
    ],
)
def test_a_day_of_23_or_25_hours_counts_all_of_its_hours(
    timezone: str, day: date, hours: int, doubled: int | None, skipped: int | None
) -> None:
    made_project(timezone=timezone)
    zone = ZoneInfo(timezone)
    # Every half hour, from noon of the previous day to noon of the next day.
    begin = midnight(day, timezone).astimezone(ZoneInfo("UTC")) - DAY / 2
    moments = [begin + number * timedelta(minutes=30) for number in range(4 * 24)]
    for at in moments:
        one_of_each(at)

    found = figures_of(day)

    assert count(found) == (2 * hours,) * 3
    assert sum(at.astimezone(zone).date() == day for at in moments) == 2 * hours
    expected = dict.fromkeys(range(24), 2)
    if doubled is not None:
        expected[doubled] = 4
    if skipped is not None:
        expected[skipped] = 0
    assert found.openings.by_hour == expected
    before, after = figures_of(day - DAY), figures_of(day + DAY)
    assert count(before)[1] + count(found)[1] + count(after)[1] == len(moments)


def test_figures_of_all_projects_use_the_local_day_of_each_project() -> None:
    tokyo, honolulu = uuid4(), uuid4()
    made_project(uuid=tokyo, timezone="Asia/Tokyo")
    made_project(uuid=honolulu, timezone="Pacific/Honolulu")
    day = date(2026, 11, 23)
    # The 23rd ends in Tokyo five hours after it begins in Honolulu.
    one_of_each(midnight(day, "Asia/Tokyo"), project=tokyo)
    one_of_each(midnight(day, "Asia/Tokyo"), project=honolulu)
    one_of_each(midnight(day, "Pacific/Honolulu"), project=tokyo)
    one_of_each(midnight(day, "Pacific/Honolulu"), project=honolulu)
    # The day ends in Tokyo while it continues in Honolulu.
    one_of_each(midnight(day + DAY, "Asia/Tokyo"), project=tokyo)
    one_of_each(midnight(day + DAY, "Pacific/Honolulu") - MICROSECOND, project=tokyo)
    one_of_each(midnight(day + DAY, "Pacific/Honolulu") - MICROSECOND, project=honolulu)

    assert count(figures_of(day, project=tokyo)) == (2, 2, 2)
    assert count(figures_of(day, project=honolulu)) == (2, 2, 2)
    all_projects = figures_of(day, project=None)
    assert count(all_projects) == (4, 4, 4)
    assert {hour for hour, number in all_projects.openings.by_hour.items() if number} == {0, 19, 23}
    whole = figures_of(day - DAY, day + DAY, project=None)
    assert whole.openings.by_day == {day - DAY: 1, day: 4, day + DAY: 2}


def test_a_project_that_changes_its_zone_has_the_days_of_the_new_zone() -> None:
    made_project(timezone="Asia/Tokyo")
    day = date(2026, 11, 23)
    one_of_each(midnight(day, "Asia/Tokyo"))
    assert count(figures_of(day)) == (1, 1, 1)

    made_project(timezone="America/Sao_Paulo")

    assert count(figures_of(day)) == (0, 0, 0)
    assert count(figures_of(day - DAY)) == (1, 1, 1)


def test_a_conversation_that_closes_at_midnight_closes_on_the_day_that_begins() -> None:
    made_project(timezone="America/Sao_Paulo")
    day = date(2026, 11, 23)
    closing = midnight(day + DAY, "America/Sao_Paulo") + timedelta(seconds=7)
    closed(closing, opened_at=closing - DAY / 2)

    assert (figures_of(day).openings.opened, figures_of(day).closings.closed) == (1, 0)
    assert (figures_of(day + DAY).openings.opened, figures_of(day + DAY).closings.closed) == (0, 1)

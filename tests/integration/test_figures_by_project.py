"""The figures by project and the channels of a period agree with the figures themselves."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings

from apps.analytics.figures import (
    ChannelCount,
    Period,
    Scope,
    Totals,
    channels,
    figures,
    figures_by_project,
    totals_of,
)
from tests.integration.test_figures_random import CHANNELS, PROJECTS, World, stored, worlds
from tests.support.builders import CHANNEL, NOON, PROJECT
from tests.support.figures import closed, made_project, opened

pytestmark = pytest.mark.django_db

TODAY = Period.of_days(1, last=NOON.date())


@settings(
    max_examples=30,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds())
def test_the_figures_by_project_equal_those_of_each_project(db: None, world: World) -> None:
    period = Period(first=world.first_day, last=world.first_day + timedelta(days=world.days - 1))

    with stored(world):
        for channel in (None, CHANNELS[0]):
            found = figures_by_project(scope=Scope(channel=channel), period=period)
            alone = {
                project: totals_of(
                    figures(scope=Scope(project=project, channel=channel), period=period)
                )
                for project in PROJECTS
            }
            assert found == {one: totals for one, totals in alone.items() if has_any(totals)}


def has_any(totals: Totals) -> bool:
    """Return whether something happened."""
    return totals != Totals.of_nothing()


def test_a_scope_of_one_project_has_no_other() -> None:
    other = uuid4()
    made_project(timezone="UTC")
    made_project(uuid=other, timezone="UTC")
    opened(NOON)
    opened(NOON, project=other)

    assert set(figures_by_project(scope=Scope(project=other), period=TODAY)) == {other}


def test_channels_are_those_with_conversations_in_the_period_the_busiest_first() -> None:
    quiet, elsewhere, closing, other = (UUID(int=number) for number in range(1, 5))
    made_project(timezone="UTC")
    made_project(uuid=other, timezone="UTC")
    opened(NOON)
    opened(NOON)
    closed(NOON)
    opened(NOON, channel=quiet)
    opened(NOON - timedelta(days=1), channel=elsewhere)
    closed(NOON, channel=closing)
    opened(NOON, channel=elsewhere, project=other)

    assert channels(scope=Scope(project=PROJECT), period=TODAY) == [
        ChannelCount(channel=CHANNEL, opened=2, closed=1),
        ChannelCount(channel=quiet, opened=1, closed=0),
        ChannelCount(channel=closing, opened=0, closed=1),
    ]

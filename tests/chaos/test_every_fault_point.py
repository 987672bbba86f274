"""A kill at any point between two effects of closing and archiving does not change the result."""

from pathlib import Path

import pytest

from tests.e2e.conftest import any_batch_size
from tests.support.closing_stages import STAGES, Closing, Stage, close_every_second
from tests.support.fault_points import BEAT_POINTS, POINTS, Strike
from tests.support.running_service import Service
from tests.support.struck_service import StruckService

pytestmark = any_batch_size


@pytest.mark.parametrize("stage_type", STAGES, ids=lambda stage_type: stage_type.name)
def test_killing_a_worker_at_any_point_does_not_change_the_result(
    service: Service, tmp_path: Path, stage_type: type[Stage]
) -> None:
    struck = StruckService.start(service, directory=tmp_path)
    stage = stage_type()
    points = [point for point in POINTS if point.stage == stage.name]

    undisturbed = struck.carry_out([stage])

    for point in points:
        assert struck.carry_out([stage], strikes=[(point, Strike.KILL_WORKER)]) == undisturbed, (
            point
        )
    assert struck.strikes_seen == len(points)


@pytest.mark.parametrize("stage_type", STAGES, ids=lambda stage_type: stage_type.name)
def test_killing_a_pool_process_at_any_point_does_not_change_the_result(
    service: Service, tmp_path: Path, stage_type: type[Stage]
) -> None:
    struck = StruckService.start(service, directory=tmp_path)
    stage = stage_type()
    points = [point for point in POINTS if point.stage == stage.name and point.in_pool]

    undisturbed = struck.carry_out([stage])

    for point in points:
        strikes = [(point, Strike.KILL_PROCESS)]
        assert struck.carry_out([stage], strikes=strikes) == undisturbed, point
    assert struck.strikes_seen == len(points)


def test_a_beat_that_replaces_one_killed_at_any_point_closes_the_same_conversations(
    service: Service, tmp_path: Path
) -> None:
    close_every_second()
    struck = StruckService.start(service, directory=tmp_path)

    undisturbed = struck.carry_out([Closing()])
    disturbed = struck.carry_out_with_beat(Closing(), points=BEAT_POINTS)

    assert disturbed == undisturbed
    assert struck.strikes_seen == len(BEAT_POINTS)

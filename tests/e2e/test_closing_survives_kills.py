"""Killing a worker or a pool process between two effects of closing and archiving changes nothing.

This run kills at the most important points. `tests/chaos/test_every_fault_point.py` kills at every
point, one at a time, and kills beat as well.
"""

from pathlib import Path

import pytest

from tests.e2e.conftest import any_batch_size
from tests.support.closing_stages import STAGES
from tests.support.fault_points import LONG, FaultPoint, Strike, point
from tests.support.running_service import Service
from tests.support.struck_service import StruckService

WORKER, PROCESS = Strike.KILL_WORKER, Strike.KILL_PROCESS
STRIKES: tuple[tuple[FaultPoint, Strike], ...] = (
    # Only some pointers of the claimed conversations were sent.
    (point("closing", "publish", 2), WORKER),
    # Closed, but not archived.
    (point("closing", "merge", about=LONG), PROCESS),
    # Partly archived.
    (point("closing", "merge", 2, about=LONG), PROCESS),
    # SQS has deleted the pointer, but the worker has not received the answer.
    (point("closing", "process the answer to the delete", about=LONG), WORKER),
    (point("by event", "merge"), PROCESS),
    (point("late", "complete check"), PROCESS),
    (point("stays open", "complete check"), PROCESS),
)


@pytest.mark.slow
@any_batch_size
def test_kills_between_the_effects_of_closing_and_archiving_do_not_change_what_is_stored(
    service: Service, tmp_path: Path
) -> None:
    struck = StruckService.start(service, directory=tmp_path)
    stages = [stage() for stage in STAGES]

    undisturbed = struck.carry_out(stages)
    disturbed = struck.carry_out(stages, strikes=STRIKES)

    assert disturbed == undisturbed
    assert struck.strikes_seen == len(STRIKES)

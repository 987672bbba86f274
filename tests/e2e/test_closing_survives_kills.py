"""Workers that are killed between the effects of closing and archiving leave no trace.

These are the most important points, in one run. tests/chaos has each point alone, and beat's.
"""

from pathlib import Path

from tests.e2e.conftest import Service, any_batch_size
from tests.support.closing_stages import STAGES
from tests.support.fault_points import LONG, FaultPoint, Strike, point
from tests.support.struck_service import StruckService

WORKER, PROCESS = Strike.KILL_WORKER, Strike.KILL_PROCESS
WALK: tuple[tuple[FaultPoint, Strike], ...] = (
    # Only some pointers of the claimed conversations were sent.
    (point("closing", "publish", 2), WORKER),
    # Closed, but not archived.
    (point("closing", "merge", about=LONG), PROCESS),
    # Partly archived, and partly deleted.
    (point("closing", "delete", 2, about=LONG), PROCESS),
    # SQS has deleted the pointer, but the worker has not received the answer.
    (point("closing", "learn that SQS deleted", about=LONG), WORKER),
    (point("by event", "merge"), PROCESS),
    (point("late", "complete check"), PROCESS),
    (point("stays open", "delete", 2), PROCESS),
)


@any_batch_size
def test_kills_between_the_effects_of_closing_and_migrating_leave_no_trace(
    service: Service, tmp_path: Path
) -> None:
    struck = StruckService.start(service, directory=tmp_path)
    stages = [stage() for stage in STAGES]

    undisturbed = struck.carry_out(stages)
    disturbed = struck.carry_out(stages, strikes=WALK)

    assert disturbed == undisturbed
    assert struck.strikes_seen == len(WALK)

"""Runs the service with `tests.support.faulty_app`, and strikes it at fault points."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from apps.conversations.models import Conversation
from apps.messages import store
from embedded.processes import ManagedProcess
from tests.support.closing_stages import Stage, transcript
from tests.support.fault_points import Fault, FaultPoint, Strike, arm
from tests.support.running_service import Service
from tests.support.stored import unarchived_items

# A little longer than a long poll of tests.support.faulty_app.
POLL_IS_OVER = 1.1


@dataclass
class StruckService:
    """A service with one worker, which is replaced after each strike."""

    service: Service
    plan: Path
    worker: ManagedProcess

    @classmethod
    def start(cls, service: Service, *, directory: Path) -> "StruckService":
        """Start a worker without any strikes."""
        plan = directory / "fault-plan"
        service.app = "tests.support.faulty_app"
        service.environment["FAULT_PLAN"] = str(plan)
        return cls(service, plan, service.start_worker())

    def carry_out(
        self, stages: Sequence[Stage], *, strikes: Sequence[tuple[FaultPoint, Strike]] = ()
    ) -> bytes:
        """Run the stages in order, each with its strikes. Fail if a strike does not happen.

        Return the contents of the stores afterwards, and remove them.
        """
        for stage in stages:
            stage.prepare()
            of_stage = [strike for strike in strikes if strike[0].stage == stage.name]
            faults = arm(self.plan, of_stage)
            stage.start(self.service)
            for fault, (point, _) in zip(faults, of_stage, strict=True):
                self._wait_until_struck(fault, point)
                if fault.strike is Strike.KILL_WORKER:
                    self._replace_worker()
                stage.start(self.service)
            self._wait_until_over(stage)
        return _taken_transcript()

    def carry_out_with_beat(self, stage: Stage, *, points: Sequence[FaultPoint]) -> bytes:
        """Run a stage that beat starts, and kill beat at each of these points in turn."""
        stage.prepare()
        faults = arm(self.plan, [(point, Strike.KILL_WORKER) for point in points])
        beat = self.service.start_beat()
        for fault, point in zip(faults, points, strict=True):
            self._wait_until_struck(fault, point)
            self._wait_until_dead(beat)
            beat = self.service.start_beat()
        self.service.wait_until(stage.is_done)
        beat.kill()
        self._wait_until_over(stage)
        return _taken_transcript()

    @property
    def strikes_seen(self) -> int:
        """The number of strikes so far."""
        return len(list(self.plan.parent.glob(f"{self.plan.name}.struck-*")))

    def _replace_worker(self) -> None:
        """Start another worker, and make SQS deliver the messages of the dead one again."""
        self._wait_until_dead(self.worker)
        with ThreadPoolExecutor(max_workers=1) as pool:
            starting = pool.submit(self.service.start_worker)
            wait_for_open_polls()
            self.service.expire_leases()
            self.worker = starting.result()

    def _wait_until_struck(self, fault: Fault, point: FaultPoint) -> None:
        try:
            self.service.wait_until(lambda: fault.has_struck, timeout=60)
        except BaseException as failure:
            failure.add_note(f"This point was not reached: {point}")
            raise

    def _wait_until_dead(self, process: ManagedProcess) -> None:
        self.service.wait_until(lambda: not process.is_running)

    def _wait_until_over(self, stage: Stage) -> None:
        self.service.wait_until(
            lambda: stage.is_done() and self.service.left_on_queue() == 0, timeout=60
        )


def _taken_transcript() -> bytes:
    """Return the contents of the stores, and remove them, so that the next run starts empty."""
    left = transcript()
    assert unarchived_items() == [], "messages are only in DynamoDB"
    for uuid in Conversation.objects.values_list("uuid", flat=True):
        store.delete_conversation(uuid)
    Conversation.objects.all().delete()
    return left


def wait_for_open_polls() -> None:
    """Wait until SQS cannot deliver to the open poll of a dead or frozen worker."""
    time.sleep(POLL_IS_OVER)

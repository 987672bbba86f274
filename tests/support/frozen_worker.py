"""Two workers, one of which is frozen just before it stores a message."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import psutil

from apps.common.clock import now
from apps.conversations.models import Conversation, Resolution
from embedded.processes import ManagedProcess
from tests.support.builders import message_body
from tests.support.closing_stages import START, send_tick, tick_for_closing, was_checked
from tests.support.fault_points import FaultPoint, Strike, arm
from tests.support.running_service import Service
from tests.support.struck_service import wait_for_open_polls

CONTACT = "telegram:1"
GROUP = "group:1"
OTHER_GROUP = "group:other"


def start_two_workers(service: Service, *, directory: Path) -> Path:
    """Start two workers. Return the path of the plan with the strikes for the first worker."""
    plan = directory / "fault-plan"
    service.app = "tests.support.faulty_app"
    service.environment["FAULT_PLAN"] = str(plan)
    # The messages are new on the queue, and a quiet period would postpone the closing.
    service.environment["CLOSING_QUIET_PERIOD"] = "0"
    for _ in range(2):
        service.start_worker(concurrency=1)
    return plan


def send_message(service: Service, *, number: int, group: str = GROUP) -> None:
    at = START + timedelta(minutes=number)
    message = {"id": f"m-{number}", "created_at": at.isoformat()}
    service.send(body=message_body(urn=CONTACT, message=message), group=group)


def freeze_at(service: Service, plan: Path, *, number: int, group: str) -> ManagedProcess:
    """Send a message, freeze the worker that is about to store it, and return this worker."""
    arm(plan, [(before_storing(number), Strike.FREEZE_WORKER)])
    send_message(service, number=number, group=group)
    service.wait_until(lambda: any(map(is_frozen, service.workers)))
    # Until this poll ends, SQS may deliver messages to the frozen worker.
    wait_for_open_polls()
    return next(filter(is_frozen, service.workers))


def before_storing(number: int) -> FaultPoint:
    """Return the point before a message is stored in DynamoDB, after its conversation was found."""
    return FaultPoint(stage="storing", effect="store", about=f'"id":"m-{number}"')


def is_frozen(worker: ManagedProcess) -> bool:
    return psutil.Process(worker.pid).status() == psutil.STATUS_STOPPED


def thaw(worker: ManagedProcess) -> None:
    os.killpg(worker.pid, signal.SIGCONT)


def close_by_tick(service: Service) -> Conversation:
    """Close the conversation in progress with a tick, and return it when it is archived."""
    current = Conversation.objects.get(resolution=Resolution.IN_PROGRESS)
    Conversation.objects.filter(uuid=current.uuid).update(closes_at=now(), due_at=now())
    tick_for_closing(service)
    service.wait_until(lambda: Conversation.objects.exclude(archived_at=None).exists())
    current.refresh_from_db()
    return current


def second_pass(service: Service, closed: Conversation) -> None:
    """Run the first of the two checks of a closed conversation now, not 15 minutes later."""
    Conversation.objects.filter(uuid=closed.uuid).update(archive_check_at=now())
    send_tick(service, task="archive_late_messages", group="late-archiving")
    service.wait_until(lambda: was_checked(closed.uuid))
    service.wait_until_empty()

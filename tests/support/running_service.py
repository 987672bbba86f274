"""The service as its users run it: real workers and a real beat on the strict SQS server."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from embedded.processes import ManagedProcess
from embedded.service import running_beat, running_worker
from testbed.checker.logs import leaks, personal_data
from testbed.traffic.sending import depth
from tests.support.builders import CHANNEL, PROJECT
from tests.support.running_workers import RunningWorkers


@dataclass(kw_only=True)
class Service(RunningWorkers):
    """The service with its workers. `app` is the module of the Celery app.

    `exits` stops the processes at the end of the test. `sent` has the group and the body of each
    event.
    """

    # SQS_POLL_SECONDS in embedded.environment.
    WAIT_TIME = 2.0

    exits: ExitStack
    app: str = "config"
    sent: list[tuple[str, str]] = field(default_factory=list)

    @property
    def queue_url(self) -> str:
        return self.environment["SQS_CONVERSATION_QUEUE_URL"]

    def start_worker(self, *, concurrency: int = 2) -> ManagedProcess:
        """Start a worker, and return it when it is ready."""
        worker = self.exits.enter_context(
            running_worker(
                environment=self.environment,
                logs=self.logs,
                concurrency=concurrency,
                name=f"worker{len(self.workers)}",
                app=self.app,
            )
        )
        self.workers.append(worker)
        return worker

    def start_beat(self) -> ManagedProcess:
        """Start a beat with the database's schedules."""
        beat = self.exits.enter_context(
            running_beat(environment=self.environment, logs=self.logs, app=self.app)
        )
        self.workers.append(beat)
        return beat

    def send(self, *, body: str, group: str, attributes: Mapping[str, str] | None = None) -> str:
        """Send an event. Return its message id."""
        self.sent.append((group, body))
        return self.send_body(body, group=group, attributes=attributes)

    def send_from(
        self, contact: str, body: str, *, attributes: Mapping[str, str] | None = None
    ) -> str:
        """Send an event in the group of a contact of the default project. Return its message id."""
        group = f"{PROJECT}:{CHANNEL}:{contact}"
        return self.send(body=body, group=group, attributes=attributes)

    def dead_letter_count(self) -> int:
        """Return how many messages are in the dead-letter queue."""
        return depth(self.sqs, self.environment["SQS_CONVERSATION_DLQ_URL"])

    def check_logs(self) -> None:
        """Fail if a process has logged what contacts wrote, a name, an address or a group id."""
        # Only the groups of events are personal. `sent` also has ticks, whose groups have a fixed
        # name, such as "closing".
        contacts = {group for group, body in self.sent if "contact_urn" in body}
        personal = personal_data(bodies=(body for _, body in self.sent), group_ids=contacts)
        for log in self.logs.glob("*.log"):
            assert leaks(log=log.read_text(errors="replace"), personal=personal) == [], log.name

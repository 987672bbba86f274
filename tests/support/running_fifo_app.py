"""Real workers of `tests.support.fifo_app`: the transport without the service."""

import json
import subprocess
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

from embedded.environment import with_settings
from embedded.processes import ManagedProcess, Supervisor
from embedded.servers import Server
from embedded.service import (
    PROJECT_ROOT,
    celery_command,
    is_ready,
    project_command,
    worker_arguments,
)
from embedded.valkey import start_valkey
from testbed.journal import Line, did, read_journal
from tests.support.running_workers import RunningWorkers


@dataclass(kw_only=True)
class FifoApp(RunningWorkers):
    """The app with its workers. `processes` stops them at the end of the test."""

    WAIT_TIME = 1

    processes: Supervisor

    @property
    def queue_url(self) -> str:
        return self.environment["QUEUE_URL"]

    def start_worker(self, *, concurrency: int = 2, pool: str = "prefork") -> ManagedProcess:
        """Start a worker, and return it when it is ready."""
        name = f"fifo{len(self.workers)}"
        arguments = worker_arguments(queue="events.fifo", concurrency=concurrency, name=name)
        worker = self.processes.start(
            command=project_command(
                name,
                celery_command(*arguments, "--pool", pool, app="tests.support.fifo_app"),
                environment=self.environment,
            ),
            log=self.logs / f"{name}.log",
        )
        self.workers.append(worker)
        worker.wait_until_ready(is_ready=partial(is_ready, worker), timeout_seconds=30)
        return worker

    def start_control_broker(self) -> Server:
        """Start a control broker for workers that start later, and return it."""
        broker = start_valkey(supervisor=self.processes, logs=self.logs)
        broker.wait_until_ready()
        self.environment["CONTROL_URL"] = broker.url
        return broker

    def celery(self, *arguments: str) -> tuple[int, str]:
        """Run a Celery command, and return its exit status and output."""
        done = subprocess.run(
            celery_command(*arguments, app="tests.support.fifo_app"),
            cwd=PROJECT_ROOT,
            env=with_settings(self.environment),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def send(
        self, *, group: str, number: int, event_type: str = "plain", trouble: Any = None
    ) -> None:
        """Send an event."""
        event = {"event_type": event_type, "group": group, "number": number}
        self.send_body(json.dumps(event | ({"trouble": trouble} if trouble else {})), group=group)

    def send_many(self, *, groups: int, events: int) -> None:
        """Send the events 0, 1, 2, … of each group, the first events of all groups first."""
        bodies = [
            {"event_type": "plain", "group": f"g{group}", "number": number}
            for number in range(events)
            for group in range(groups)
        ]
        for start in range(0, len(bodies), 10):
            entries = [
                {
                    "Id": str(place),
                    "MessageBody": json.dumps(body),
                    "MessageGroupId": body["group"],
                    "MessageDeduplicationId": str(uuid4()),
                }
                for place, body in enumerate(bodies[start : start + 10])
            ]
            answer = self.sqs.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            assert not answer.get("Failed")

    def actions(self) -> list[str]:
        """Return the actions of all calls for this queue, in order."""
        return [call.action for call in self.sqs_server.calls() if call.queue == self.queue]

    def set_options(self, **options: Any) -> None:
        """Add consumer options for workers that start later."""
        set_before = json.loads(self.environment["CONSUMER_OPTIONS"])
        self.environment["CONSUMER_OPTIONS"] = json.dumps(set_before | options)

    def journal(self) -> list[Line]:
        """Return the lines that the steps have written."""
        return read_journal(Path(self.environment["JOURNAL"]))

    def done(self, *, step: str = "third") -> dict[str, list[int]]:
        """Return the events for which a step took effect, by group."""
        return did(self.journal(), step=step)

    def max_batch_size(self) -> int:
        """Return the size of the largest batch: how many first steps ran before a second step."""
        lines = sorted(self.journal(), key=lambda line: (line.pid, line.at))
        runs = groupby(lines, key=lambda line: (line.pid, line.step))
        return max(
            sum(line.verb == "began" for line in run) for (_, step), run in runs if step == "first"
        )

    def dead_letters(self) -> list[dict[str, Any]]:
        """Receive and delete the messages of the dead-letter queue."""
        url = self.environment["DLQ_URL"]
        answer = self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        letters = list(answer.get("Messages", []))
        for letter in letters:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
        return letters

    def dead_letter_reasons(self) -> list[str]:
        """Receive and delete the dead letters. Return their reasons, sorted."""
        return sorted(
            letter["MessageAttributes"]["reason"]["StringValue"] for letter in self.dead_letters()
        )

    def waiting_on_queue(self) -> int:
        """Return how many messages are visible."""
        return self._count("ApproximateNumberOfMessages")

    def in_flight(self) -> int:
        """Return how many messages are in flight."""
        return self._count("ApproximateNumberOfMessagesNotVisible")

    def wait_until_done(self, count: int) -> None:
        """Wait until the last step took effect for more than `count` events."""
        self.wait_until(lambda: sum(map(len, self.done().values())) > count)

    def _count(self, attribute: str) -> int:
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=[attribute])
        return int(answer["Attributes"][attribute])

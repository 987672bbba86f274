"""How many events the main process of a worker can receive, hand out and delete.

The steps of the pool processes do nothing (`bench.event_cost.stubbed_service`). The CPU time of the
main process counts and not the time that passes, so the model of SQS does not limit the result.
"""

from dataclasses import dataclass

from bench.common.backlog import wait_until
from bench.common.chat import Load
from bench.common.process_tree import own_cpu_seconds
from bench.common.servers import Servers
from bench.common.trial import PROCESSES, Contender, running_trial
from embedded.service import celery_command, worker_arguments

CONTACTS = 100
_MAX_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MainProcess:
    """The CPU time of the main process for a backlog of events."""

    events: int
    cpu_seconds: float

    @property
    def events_per_second(self) -> float:
        """The events for each second of CPU time."""
        return self.events / self.cpu_seconds


def run_main_process(servers: Servers, *, messages_each: int) -> MainProcess:
    """Run a worker whose steps do nothing with a backlog. Raises NotDone."""
    worker = celery_command(
        *worker_arguments(concurrency=PROCESSES), app="bench.event_cost.stubbed_service"
    )
    contender = Contender(name="main", title="main process", commands=[worker])
    load = Load(contacts=CONTACTS, numbers=range(messages_each))
    with (
        servers.stage(contender.name) as stage,
        running_trial(contender, stage=stage) as trial,
    ):
        (process,) = trial.processes
        with trial.paused():
            trial.fill(load)
            before = own_cpu_seconds(process.pid)
        wait_until(lambda: not stage.queue.size(), trial=trial, max_seconds=_MAX_SECONDS)
        cpu_seconds = own_cpu_seconds(process.pid) - before
    return MainProcess(events=len(load), cpu_seconds=cpu_seconds)

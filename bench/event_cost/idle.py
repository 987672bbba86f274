"""The requests of subjects that have nothing to do, with the default SQS_POLL_SECONDS.

They are counted from the end of one poll to the end of a later one: a whole number of polls.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.common.servers import Servers
from bench.common.trial import Contender, Trial, running_trial
from embedded.commands import CommandError
from embedded.service import running_beat
from testbed.sqs.calls import LoggedCall

# The default of SQS_POLL_SECONDS. The embedded stack polls for 2 seconds.
POLL_SECONDS = 20
POLLS = 3
_MAX_SECONDS = POLL_SECONDS * (POLLS + 2)
_READ_EVERY_SECONDS = 2.0
MONTH_SECONDS = 30 * 24 * 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """The requests of an idle subject to SQS and DynamoDB, by action, in `seconds`."""

    title: str
    seconds: float
    requests: dict[str, int]

    @property
    def requests_per_month(self) -> int:
        """The requests in 30 days."""
        return round(sum(self.requests.values()) * MONTH_SECONDS / self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeper:
    """An idle subject: its processes, how many of them poll, and whether beat runs, too."""

    contender: Contender
    pollers: int
    has_beat: bool = False


def run_idle(servers: Servers, sleepers: Mapping[str, Sleeper]) -> dict[str, Idle]:
    """Run all subjects at once, each with an empty queue. Raises CommandError if one polls less."""
    with ExitStack() as stack:
        trials = {
            name: stack.enter_context(_asleep(servers, name=name, sleeper=sleeper))
            for name, sleeper in sleepers.items()
        }
        begun_at = time.time()
        before = {name: _dynamodb_calls(trial) for name, trial in trials.items()}
        polled = _wait(servers, sleepers, since=begun_at)
        return {
            name: Idle(
                title=sleeper.contender.title,
                seconds=polled[name][0],
                requests=dict(
                    polled[name][1] + (_dynamodb_calls(trials[name]) - before[name]),
                ),
            )
            for name, sleeper in sleepers.items()
        }


def count_polls(
    calls: Sequence[LoggedCall], *, since: float, polls: int
) -> tuple[float, Counter[str]] | None:
    """Return the length of that many polls, and the calls in that time by action.

    It begins at the end of the first poll that ends after `since`. Returns None if the log does not
    have so many polls yet.
    """
    ended = [(call.time + call.seconds, call.action) for call in calls]
    ends = sorted(at for at, action in ended if action == "ReceiveMessage" and at >= since)
    if len(ends) <= polls:
        return None
    first, last = ends[0], ends[polls]
    return last - first, Counter(action for at, action in ended if first < at <= last)


@contextmanager
def _asleep(servers: Servers, *, name: str, sleeper: Sleeper) -> Iterator[Trial]:
    with (
        servers.stage(_stage(name), SQS_POLL_SECONDS=str(POLL_SECONDS)) as stage,
        running_trial(sleeper.contender, stage=stage) as trial,
        ExitStack() as stack,
    ):
        if sleeper.has_beat:
            stack.enter_context(running_beat(environment=stage.environment, logs=servers.directory))
        yield trial
        # A worker that is asked to end would first wait for its open poll.
        for process in trial.processes:
            process.kill()


def _wait(
    servers: Servers, sleepers: Mapping[str, Sleeper], *, since: float
) -> dict[str, tuple[float, Counter[str]]]:
    """Wait until each subject has polled often enough, and return its polls."""
    deadline = time.monotonic() + _MAX_SECONDS
    while time.monotonic() < deadline:
        time.sleep(_READ_EVERY_SECONDS)
        calls = servers.sqs.calls()
        found = {
            name: count_polls(
                [call for call in calls if call.queue in _queues(name)],
                since=since,
                polls=POLLS * sleeper.pollers,
            )
            for name, sleeper in sleepers.items()
        }
        if all(found.values()):
            return {name: one for name, one in found.items() if one}
    missing = ", ".join(name for name, one in found.items() if not one)
    raise CommandError(f"{missing}: fewer than {POLLS} polls in {_MAX_SECONDS} seconds")


def _queues(name: str) -> set[str]:
    return {f"{_stage(name)}.fifo", f"{_stage(name)}-dlq.fifo"}


def _stage(name: str) -> str:
    return f"idle_{name}"


def _dynamodb_calls(trial: Trial) -> Counter[str]:
    usage = trial.stage.servers.dynamodb.usage(table=trial.stage.table)
    return Counter({action: used.calls for action, used in usage.items()})

"""Whole lives of events: messages are sent, conversations are closed, and the archive is written.

The messages come first, and the closes of their conversations follow, both at the same rate.
DynamoDB deletes the items when they expire, which costs nothing and is not waited for.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bench.common.backlog import Backlog, run_backlog, wait_until
from bench.common.chat import Load, event_of
from bench.common.trial import Trial
from bench.event_cost.paced import Latency, Percentiles, percentiles, run_paced
from bench.event_cost.spent import Spent
from embedded.service import running_module
from testbed.dynamodb.accounts import Write

# In events a second.
RATES = (1.0, 10.0, 50.0, 200.0, 500.0)
# The name of the case in which all events are on the queue before the subject can begin.
BACKLOG = "backlog"
MESSAGES_EACH = 12
# A subject is measured at rates of at most this share of what it processes under backlog.
MAX_SHARE = 0.8
MAX_SECONDS = 240.0

# The service searches a closed conversation twice: after 15 minutes, and a day after its archiving.
# Here both searches are due at once, and the archive is made older before the second one.
_SEARCHES = ("0 days", "1 day")
_MAKE_DUE = """
UPDATE conversations_conversation
SET archive_check_at = now(), archived_at = archived_at - interval '{age}'
WHERE archived_at IS NOT NULL
"""
# A claimed search is due again after 15 minutes. A completed one is due in a day or never.
_UNFINISHED = """
SELECT count(*) FROM conversations_conversation
WHERE archived_at IS NOT NULL AND archive_check_at < now() + interval '20 minutes'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The lives of the events of some conversations.

    `stored` is what the messages needed until they were stored, `archived` what the closes needed
    until the conversations were archived. `total` is the time from the send of a message until it
    was stored or, under backlog, from the moment when the subject could begin. Only events that
    were sent one by one have a `latency`.
    """

    stored: Spent
    archived: Spent
    total: Percentiles
    latency: Latency | None = None


def conversations_at(rate: float, *, seconds: float) -> int:
    """Return how many conversations have the messages of that many seconds at a rate."""
    return max(1, round(rate * seconds / MESSAGES_EACH))


def live_at_rate(trial: Trial, *, load: Load, per_second: float) -> Life:
    """Send the messages of a load one by one, then the closes. Raises NotDone."""
    before = trial.counts()
    # It counts the calls of SQS from 0.
    latency = run_paced(trial, load=load, per_second=per_second)
    counts = trial.counts().since(replace(before, sqs=Counter()))
    # The benchmark sends each event with a call of its own. A subject may send messages, too.
    counts.sqs["SendMessage"] -= len(load)
    return Life(
        stored=Spent.of(counts, events=len(load)),
        archived=_close(trial, load=load, per_second=per_second),
        total=latency.total,
        latency=latency,
    )


def live_in_backlog(trial: Trial, *, load: Load) -> tuple[Backlog, Life]:
    """Process the messages of a load as a backlog, then the closes. Raises NotDone."""
    before = trial.stored()
    backlog = run_backlog(trial, load=load, max_seconds=MAX_SECONDS)
    life = Life(
        stored=Spent.of(backlog.counts, events=len(load)),
        total=times_to_effects(trial.writes(since=before), seconds=backlog.seconds),
        archived=_close(trial, load=load, per_second=None),
    )
    return backlog, life


def search_again(trial: Trial, *, events: int, by_worker: bool) -> Spent:
    """Run both later searches of all archived conversations, which had `events`. Raises NotDone.

    This service's worker makes them. Those of other subjects run in a process of their own.
    """
    before, cpu_seconds = trial.counts(), 0.0
    servers, name = trial.stage.servers, trial.stage.name
    for age in _SEARCHES:
        servers.execute(_MAKE_DUE.format(age=age), database=name)
        with running_module(
            name="searching",
            arguments=["bench.event_cost.searching", *(["--by-worker"] if by_worker else [])],
            environment={**trial.stage.environment, **trial.contender.settings},
            logs=servers.directory,
        ) as process:
            process.wait_until_done(timeout_seconds=MAX_SECONDS)
            cpu_seconds += float(process.log_text().splitlines()[-1])
        wait_until(
            lambda: not servers.query_number(_UNFINISHED, database=name) and _is_idle(trial),
            trial=trial,
            max_seconds=MAX_SECONDS,
        )
    counts = trial.counts().since(before)
    return Spent.of(replace(counts, cpu_seconds=counts.cpu_seconds + cpu_seconds), events=events)


def times_to_effects(writes: Iterable[Write], *, seconds: float) -> Percentiles:
    """Return the times to the first effects of a backlog that took `seconds` to its last write."""
    first: dict[tuple[int, int], float] = {}
    last = 0.0
    for write in writes:
        first.setdefault(event_of(write), write.at)
        last = write.at
    return percentiles([at - (last - seconds) for at in first.values()])


def _close(trial: Trial, *, load: Load, per_second: float | None) -> Spent:
    """Send the closes of a load at a rate or, without one, as a backlog. Wait for the archives."""
    archived = trial.archived() + load.messages
    closes = list(map(trial.contender.encoder(), load.closes()))
    if per_second is None:
        with trial.paused():
            trial.stage.queue.fill(closes)
            before = trial.counts()
    else:
        before = trial.counts()
        trial.stage.queue.pace(closes, per_second=per_second)
    wait_until(
        lambda: trial.archived() >= archived and _is_idle(trial),
        trial=trial,
        max_seconds=MAX_SECONDS,
    )
    counts = trial.counts().since(before)
    if per_second is not None:
        counts.sqs["SendMessage"] -= len(closes)
    return Spent.of(counts, events=len(closes))


def _is_idle(trial: Trial) -> bool:
    return not trial.stage.queue.size()

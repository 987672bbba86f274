"""The demo's figures as one JSON object, for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from testbed.checker.figures import ALL_PROJECTS, ProjectFigures
from testbed.checker.report import Defect, Kind, count_kinds
from testbed.checker.stores import Stores
from testbed.traffic.events import IN_PROGRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of a run, as they are found in the stores.

    `stored` are chat messages in archives and in DynamoDB, an edited one counted once.
    `closed_by_time` are those of `closed` that ended at the closing time of their project.
    `sqs_calls_per_event` counts the calls of the worker's main process: receives, deletes, leases
    and copies to the dead-letter queue, but not what its pool processes and beat publish. It
    counts them until the worker stops: the receives while it waits for the closing times, and the
    deletes of what beat and closing publish, are in it. `csat` is the share of 4 and 5 in percent,
    `nps` the Net Promoter Score, of all projects; both are None where nobody has answered.
    """

    events: int
    stored: int
    surveys: int
    quarantined: int
    conversations: int
    closed: int
    closed_by_time: int
    archived_messages: int
    lost: int
    duplicated: int
    out_of_order: int
    misattributed: int
    stuck: int
    personal_data_in_logs: int
    sqs_calls_per_event: float
    csat: float | None
    nps: float | None

    @property
    def is_clean(self) -> bool:
        """Whether every event had its effect, once and in its place, and logs tell of nobody."""
        return not any(getattr(self, kind.value) for kind in Kind)

    def as_json(self) -> str:
        """Return one line."""
        return json.dumps(asdict(self))


def summarize(
    *,
    events: int,
    found: Stores,
    figures: Mapping[str, ProjectFigures],
    defects: Sequence[Defect],
    sqs_calls: Mapping[str, int],
) -> Summary:
    """Return the figures of a run in which `events` events were sent."""
    archived = sum(len(each.archive) for each in found.conversations)
    of_all = figures.get(ALL_PROJECTS)
    return Summary(
        events=events,
        stored=archived + sum(len(each.stored) for each in found.conversations),
        surveys=len(found.answers),
        quarantined=len(found.dead_letters),
        conversations=len(found.conversations),
        closed=sum(each.resolution != IN_PROGRESS for each in found.conversations),
        closed_by_time=sum(each.is_closed_by_time for each in found.conversations),
        archived_messages=archived,
        **count_kinds(defects),
        sqs_calls_per_event=round(sum(sqs_calls.values()) / events, 3),
        csat=_to_one_digit(of_all.csat if of_all else None),
        nps=_to_one_digit(of_all.nps if of_all else None),
    )


def sqs_calls(worker_log: str) -> dict[str, int]:
    """Return the calls to SQS by action, from the worker's last word in its log of JSON lines.

    Raises ValueError if the worker did not stop warmly, and so did not say.
    """
    for line in reversed(worker_log.splitlines()):
        if '"consumer_stopped"' in line:
            calls: dict[str, int] = json.loads(line)["sqs_calls"]
            return calls
    raise ValueError("The worker's log does not say how many calls to SQS it made.")


def _to_one_digit(value: float | None) -> float | None:
    return None if value is None else round(value, 1)

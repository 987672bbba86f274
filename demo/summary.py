"""The demo's result as one JSON object, for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from embedded.commands import CommandError
from testbed.checker.figures import ALL_PROJECTS, ProjectFigures
from testbed.checker.report import Defect, Kind, count_kinds
from testbed.checker.stores import Stores
from testbed.traffic.events import IN_PROGRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of a run, from the stores.

    `stored` counts the chat messages in archives and in DynamoDB; an edited message counts once.
    `closed_by_time` counts those of `closed` that ended at the closing time of their project.
    `sqs_calls_per_event` counts the calls of the worker's main process until it stopped: receives,
    deletes, lease extensions and copies to the dead-letter queue. It includes the receives during
    the wait for the closing times, and the deletes of messages that beat and closings publish. It
    does not include what pool processes and beat publish. `csat` is the share of 4 and 5 in
    percent, `nps` the Net Promoter Score, of all projects; both are None without answers.
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
        """Whether there is no defect."""
        return not any(getattr(self, kind.value) for kind in Kind)

    def as_json(self) -> str:
        """Return the summary as one line of JSON."""
        return json.dumps(asdict(self))


def summarize(
    *,
    events: int,
    found: Stores,
    figures: Mapping[str, ProjectFigures],
    defects: Sequence[Defect],
    sqs_calls: Mapping[str, int],
) -> Summary:
    """Return the summary of a run in which `events` events were sent."""
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
    """Return the calls to SQS by action, from the last line `consumer_stopped` of the log.

    Raises CommandError if the worker has not logged it, as after a cold shutdown.
    """
    for line in reversed(worker_log.splitlines()):
        if '"consumer_stopped"' in line:
            calls: dict[str, int] = json.loads(line)["sqs_calls"]
            return calls
    raise CommandError("The worker's log does not have the number of its calls to SQS.")


def _to_one_digit(value: float | None) -> float | None:
    return None if value is None else round(value, 1)

"""Problems of producers: what their events should not do, counted by project and day.

These counts are for people who talk to producers. They are approximate: an event that runs again
counts again. Metrics have the same counts without projects.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from apps.messages.models import ProducerProblem

# How long the counts are kept.
KEPT_FOR = timedelta(days=90)
# The project of events that name none.
NO_PROJECT = UUID(int=0)
# The reasons for which an event is quarantined because it is malformed (docs/events.md). Other
# reasons are not problems of the producer.
MALFORMED_REASONS = frozenset(
    {
        "malformed_field",
        "missing_field",
        "no_channel_uuid",
        "not_allowed",
        "not_an_object",
        "not_json",
        "unknown_event_type",
    }
)


class Problem(models.TextChoices):
    """A problem. The label says what the producer does."""

    MALFORMED = "malformed", _("sends malformed events, which are quarantined")
    IMPLAUSIBLE_TIME = "implausible_time", _("sends messages with an implausible created_at")
    NO_SCORE = "no_score", _("sends CSAT or NPS answers that are not scores")
    FOREIGN_GROUP = "foreign_group", _("sends events of one contact in several message groups")
    TYPE_MISMATCH = "type_mismatch", _("names two different types in one event")
    POSSIBLE_RETRY = "possible_retry", _("probably sends messages again with a new ID")


class Finding(NamedTuple):
    """A problem of one event. `at` is its queue time, or when the problem was found."""

    project_uuid: UUID
    at: datetime
    problem: Problem
    detail: str = ""


# Workers add to the same rows. All lock them in the order of the key, so that they never deadlock.
_ADD = f"""
    INSERT INTO {ProducerProblem._meta.db_table} AS counted
        (day, project_uuid, problem, detail, events)
    SELECT * FROM unnest(%s::date[], %s::uuid[], %s::text[], %s::text[], %s::bigint[])
    ON CONFLICT (day, project_uuid, problem, detail)
    DO UPDATE SET events = counted.events + EXCLUDED.events
"""  # noqa: S608 (the name of the table is ours)


def count(findings: Iterable[Finding]) -> None:
    """Add findings to the counts, in one statement, or in none if there are no findings."""
    counts = Counter(
        (found.at.astimezone(UTC).date(), found.project_uuid, found.problem.value, found.detail)
        for found in findings
    )
    if not counts:
        return
    rows = [(*key, events) for key, events in sorted(counts.items())]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [list(column) for column in zip(*rows, strict=True)])


def since(first: date, *, project_uuid: UUID | None = None) -> models.QuerySet[ProducerProblem]:
    """Return the counts from a day on, by project (one or all), the newest of each first."""
    counts = ProducerProblem.objects.filter(day__gte=first)
    if project_uuid:
        counts = counts.filter(project_uuid=project_uuid)
    return counts.order_by("project_uuid", "-day", "problem", "detail")


def counted_before(before: datetime) -> models.QuerySet[ProducerProblem]:
    """Return the counts of days that ended before a time."""
    return ProducerProblem.objects.filter(day__lt=before.astimezone(UTC).date())


def describe(problem: str, detail: str) -> str:
    """Return what a producer does, as a predicate, with the detail in brackets."""
    label = dict(Problem.choices).get(problem, problem)
    return f"{label} ({detail})" if detail else str(label)

"""Checks that the daily rollups of the figures are up to date and equal the rows."""

from collections.abc import Iterator
from datetime import timedelta

from django.db import DatabaseError, InterfaceError

from apps.analytics import rollups
from apps.analytics.rollups import Progress
from apps.common.clock import now
from operations.doctor.findings import Finding, counted, ok, skipped, warning
from operations.doctor.postgresql import short_transaction

COMPLETE, EQUAL = "rollups.complete", "rollups.equal"
SAMPLE_SIZE = 40
# Days are rolled up two to three days after they are over, by a task that runs every hour.
MAX_LAG = timedelta(days=5)
REBUILD = "python manage.py rollups --rebuild"


def check() -> Iterator[Finding]:
    """Yield findings about how far the rollups go, and whether random days equal the rows."""
    try:
        with short_transaction():
            found = rollups.progress(waiting_since=now() - MAX_LAG)
        yield judge_progress(found)
        with short_transaction():
            yield _equal()
    except (DatabaseError, InterfaceError) as failure:
        reason = f"The rollups cannot be read ({type(failure).__name__}): see postgresql."
        yield skipped("rollups", reason)


def judge_progress(found: Progress) -> Finding:
    """Return a finding about how far the rollups go."""
    remedy = "See beat.* and workers.*: beat starts keep_rollups every hour. Or run it now: " + (
        "python manage.py rollups"
    )
    if found.projects_without:
        without = counted(found.projects_without, "project has", "projects have")
        return warning(
            COMPLETE,
            f"{without} no daily rollups, so the figures are right but slow. This is normal for an "
            "hour or two after the time zone of a project has changed.",
            remedy,
        )
    if found.complete_before is not None and found.complete_before < (now() - MAX_LAG).date():
        return warning(
            COMPLETE,
            f"The daily rollups end before {found.complete_before}, so the figures are right but "
            "slow.",
            remedy,
        )
    if found.complete_before is None:
        return ok(COMPLETE, "No days have to be rolled up yet.")
    changes = counted(found.marks, "change", "changes")
    return ok(
        COMPLETE, f"All days before {found.complete_before} are rolled up; {changes} since then."
    )


def _equal() -> Finding:
    days = rollups.sample(size=SAMPLE_SIZE)
    differing = rollups.differences(days)
    if differing:
        named = ", ".join(f"{day} of {project or 'all projects'}" for project, day in differing[:3])
        return warning(
            EQUAL,
            f"{len(differing)} of {len(days)} random days differ from their rows, such as {named}. "
            "The figures of these days are wrong.",
            f"Run: {REBUILD}. Then report it, unless somebody changed rows without the triggers or "
            "the installed tz database has changed.",
        )
    return ok(EQUAL, f"{len(days)} random days equal their rows.")

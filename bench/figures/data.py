"""Creates a year of conversations and survey answers."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection

from bench.common.filling import fill
from bench.common.year import YEAR, parameters_of_year

FIRST_DAY, LAST_DAY = date(2025, 11, 1), date(2026, 10, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """The numbers of rows, the largest project, and the largest channel of it."""

    conversations: int
    answers: int
    largest_project: UUID
    channel: UUID


def make_dataset(*, conversations: int) -> Dataset:
    """Fill the migrated, empty tables, then run VACUUM ANALYZE, as autovacuum would do later."""
    parameters = parameters_of_year(conversations=conversations, first=FIRST_DAY, until=LAST_DAY)
    fill(*YEAR, parameters=parameters)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM analytics_surveyanswer")
        (answers,) = cursor.fetchone()
        cursor.execute(
            "SELECT project_id, channel_uuid FROM conversations_conversation"
            " GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 1"
        )
        project, channel = cursor.fetchone()
    return Dataset(
        conversations=conversations, answers=answers, largest_project=project, channel=channel
    )

"""Prepares the database: projects with closing times, and frequent ticks of beat."""

from contextlib import closing
from datetime import datetime, timedelta

import psycopg2
from psycopg2 import sql

from embedded.service import prepare
from testbed.traffic.projects import insert_projects
from testbed.traffic.stream import Population
from tests.chaos.service_servers import ServiceServers

# A run may last only a minute, so a tick every minute would be too rare.
_TICKS = """
UPDATE django_celery_beat_intervalschedule SET every = 4, period = 'seconds'
WHERE every = 1 AND period = 'minutes'
"""
# The embedded PostgreSQL would lose commits in a crash.
_KEEP_COMMITS = "ALTER DATABASE {} SET synchronous_commit = on"
_FAR_AWAY = timedelta(hours=12)


def prepare_service(*, servers: ServiceServers) -> None:
    """Create tables and queues, and change schedules."""
    prepare(environment=servers.environment, logs=servers.logs)
    speed_up(database_url=servers.database_url)


def speed_up(*, database_url: str) -> None:
    """Change schedules that `provision` has created, so that beat ticks every four seconds."""
    with (
        closing(psycopg2.connect(database_url)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(_TICKS)
        database = sql.Identifier(connection.info.dbname)
        cursor.execute(sql.SQL(_KEEP_COMMITS).format(database))


def add_projects(
    *, servers: ServiceServers, population: Population, begins: datetime, closes_timed_at: datetime
) -> None:
    """Insert the projects. Only the timed project has its closing time within the run."""
    closings = dict.fromkeys(population.projects, begins + _FAR_AWAY)
    closings[population.timed_project] = closes_timed_at
    insert_projects(database_url=servers.database_url, closings=closings)

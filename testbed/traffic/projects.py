"""The projects of generated traffic, and their database rows."""

import random
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg2

_INSERT = """
INSERT INTO conversations_project (uuid, name, timezone, closing_time) VALUES (%s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project and its one channel."""

    uuid: str
    channel: str
    name: str
    timezone: str = "UTC"

    def local(self, at: datetime) -> datetime:
        """Return the same instant in the project's time zone."""
        return at.astimezone(ZoneInfo(self.timezone))


def make_project(*, name: str, timezone: str = "UTC", rng: random.Random) -> Project:
    """Return a new project."""
    return Project(uuid=make_uuid(rng), channel=make_uuid(rng), name=name, timezone=timezone)


def make_uuid(rng: random.Random) -> str:
    """Return a UUID that depends only on the state of `rng`."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def insert_projects(*, database_url: str, closings: Mapping[Project, datetime]) -> None:
    """Insert projects whose daily closing times are the local times of these instants."""
    with (
        closing(psycopg2.connect(database_url)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        for project, at in closings.items():
            local_time = project.local(at).time()
            cursor.execute(_INSERT, [project.uuid, project.name, project.timezone, local_time])

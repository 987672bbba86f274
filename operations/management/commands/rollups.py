"""`manage.py rollups`"""

from itertools import chain
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from apps.analytics import rollups
from apps.common.clock import now
from apps.conversations.project_models import Project
from operations.management.command_line import (
    OperatorCommand,
    count,
    known_project,
    uuid,
)
from tasks.rollups import pages


class Command(OperatorCommand):
    """Bring the daily rollups of the figures up to date, as beat does every hour."""

    help = (
        "Roll up the days of the figures that are over, and roll up days again that have changed "
        "since. Beat does the same every hour. Without rollups, and while they are computed, the "
        "figures are right, but slower. --rebuild first computes the rollups of one project or of "
        "all projects again, except those of rows that retention has deleted. --check compares "
        "every day with its rows, and changes nothing."
    )
    after_outage = "Run this again to continue."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        parser.add_argument(
            "--project", type=uuid, metavar="UUID", help="rebuild or check only this project"
        )
        actions = parser.add_mutually_exclusive_group()
        actions.add_argument("--rebuild", action="store_true", help="compute all rollups again")
        actions.add_argument("--check", action="store_true", help="compare rollups with rows")

    def handle(self, *, project: UUID | None, rebuild: bool, check: bool, **_options: Any) -> None:
        """Run the command. Raise CommandError if `--check` finds differences."""
        projects = [known_project(project)] if project else list(Project.objects.order_by("uuid"))
        if check:
            self._check(projects)
            return
        if rebuild:
            days = sum(rollups.rebuild([one.pk for one in projects]))
            self.stdout.write(f"{count(days, 'day')} of {count(len(projects), 'project')} rebuilt.")
        for _page in pages(now=now()):
            pass
        self._show()

    def _check(self, projects: list[Project]) -> None:
        checked, differing = 0, 0
        for page in chain.from_iterable(rollups.days_of(one.pk) for one in projects):
            checked += len(page)
            for of_project, day in rollups.differences(page):
                differing += 1
                name = of_project or "all projects"
                self.stdout.write(f"{day} of {name} differs from its rows.")
        self.stdout.write(f"{count(checked, 'day')} of {count(len(projects), 'project')} checked.")
        if differing:
            raise CommandError(
                f"{count(differing, 'difference')} found. Run: python manage.py rollups --rebuild"
            )

    def _show(self) -> None:
        found = rollups.progress(waiting_since=now())
        if found.complete_before is None:
            self.stdout.write(
                "Nothing is rolled up yet: transactions that are older than this command must end "
                "first. Run this again in a minute."
            )
            return
        waiting = count(found.projects_without, "project waits", "projects wait")
        without = f" {waiting}." if found.projects_without else ""
        self.stdout.write(
            f"All days before {found.complete_before} are rolled up; "
            f"{count(found.marks, 'change')} since then.{without}"
        )

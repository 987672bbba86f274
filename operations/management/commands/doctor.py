"""`manage.py doctor`"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.table import Table
from rich.text import Text

from apps.common.clock import now
from operations.doctor import after_restore as restored
from operations.doctor.examination import examine
from operations.doctor.findings import Finding, Status
from operations.management.command_line import OperatorCommand, past_moment
from operations.management.output import SafeConsole

STYLES = {
    Status.OK: "green",
    Status.WARNING: "yellow",
    Status.ERROR: "bold red",
    Status.SKIPPED: "dim",
}


class Command(OperatorCommand):
    """Report the problems of each dependency and how to fix them, without changing anything."""

    help = (
        "Check every dependency as the worker would use it (queues, table, PostgreSQL, control "
        "broker, data lake, clocks), the workers, beat and pending work. This changes nothing. The "
        "exit status is 1 if a check finds an error, else 0. Permissions are checked for the "
        "credentials of this command."
    )
    # A failed system check must not prevent this command; `manage.py check` runs them.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
        parser.add_argument(
            "--after-restore",
            type=past_moment,
            metavar="TIME",
            help="instead, compare DynamoDB with a PostgreSQL that was restored to this time, and "
            "list what was lost",
        )

    def handle(self, *, after_restore: datetime | None, **options: Any) -> None:
        """Run the command. Raise CommandError, which sets the exit status, if there are errors."""
        findings = list(restored.check(after_restore) if after_restore else examine())
        errors = sum(finding.status is Status.ERROR for finding in findings)
        if options["json"]:
            self.stdout.write(json.dumps(_document(findings, healthy=not errors), indent=2))
        else:
            self._print(findings)
        if errors:
            raise CommandError(f"{errors} of {len(findings)} checks found an error.")

    def _print(self, findings: Sequence[Finding]) -> None:
        console = SafeConsole(self.stdout)
        table = Table.grid("status", "check", "found", padding=(0, 1))
        table.columns[0].min_width = max(len(status) for status in Status)
        for finding in findings:
            table.add_row(
                Text(finding.status, style=STYLES[finding.status]),
                Text(finding.check, overflow="fold"),
                Text(finding.found, overflow="fold"),
            )
        console.print(table)
        remedies = _by_remedy(findings)
        if remedies:
            console.print("\nWhat to do:")
        for remedy, helped in remedies.items():
            console.print()
            for finding in helped:
                console.print(f"{finding.status} {finding.check}: {finding.found}")
            # Do not wrap the line, so that a command can be copied.
            console.print(f"  {remedy}", soft_wrap=True)
        counts = (f"{sum(f.status is status for f in findings)} {status}" for status in Status)
        console.print(f"\n{', '.join(counts)}")


def _by_remedy(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Return the findings that have a remedy, by remedy, with the errors first."""
    remedies: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: finding.status is not Status.ERROR):
        if finding.remedy:
            remedies.setdefault(finding.remedy, []).append(finding)
    return remedies


def _document(findings: Sequence[Finding], *, healthy: bool) -> dict[str, Any]:
    return {
        "healthy": healthy,
        "checked_at": now().isoformat(),
        "findings": [asdict(finding) for finding in findings],
    }

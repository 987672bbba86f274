"""`manage.py status`"""

from time import sleep
from typing import Any

from django.core.management.base import CommandError, CommandParser

from operations.management.command_line import OperatorCommand, number
from operations.management.output import SafeConsole
from operations.status.current import current_status
from operations.status.document import as_json
from operations.status.lines import State
from operations.status.terminal import show

WATCH_EVERY = 5.0


class Command(OperatorCommand):
    """Show the status of the service: what runs, what waits, and what to do."""

    help = (
        "Show the status of the service within two seconds: workers, queues, dead letters, "
        "closings, archives, the outbox, beat and the version. It is read from SQS, PostgreSQL and "
        "the control broker, so it needs no worker; what does not answer is shown as unknown. The "
        "exit status is 1 if a line is bad, else 0; with --watch it is always 0."
    )
    # A failed system check must not prevent this command; `manage.py check` runs them.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print JSON instead of tables")
        form.add_argument(
            "--watch",
            nargs="?",
            type=number(what="a number of seconds", minimum=1, maximum=3600),
            const=WATCH_EVERY,
            metavar="SECONDS",
            help=f"show it again every SECONDS (default: {WATCH_EVERY:g}) until Ctrl-C",
        )

    def handle(self, **options: Any) -> None:
        """Run the command. Raise CommandError, which sets the exit status, if a line is bad."""
        if options["watch"]:
            self._watch(every=options["watch"])
            return
        report = current_status()
        if options["json"]:
            self.stdout.write(as_json(report))
        else:
            show(report, console=SafeConsole(self.stdout))
        bad = report.count(State.BAD)
        if bad:
            raise CommandError(f"Bad lines: {bad} of {len(report.lines)}.")

    def _watch(self, *, every: float) -> None:
        console = SafeConsole(self.stdout)
        try:
            while True:
                report = current_status()
                # Does nothing if the output is not a terminal.
                console.clear()
                show(report, console=console)
                sleep(every)
        except KeyboardInterrupt:
            # The terminal shows ^C at the end of the last line.
            console.print()

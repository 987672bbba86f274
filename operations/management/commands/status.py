"""`manage.py status`"""

from time import sleep
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from operations.management.command_line import number
from operations.status.current import current_status
from operations.status.document import as_json
from operations.status.lines import Report, State
from operations.status.terminal import show

WATCH_EVERY = 5.0


class Command(BaseCommand):
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
            show(report, console=self._console())
        bad = report.count(State.BAD)
        if bad:
            raise CommandError(f"Bad lines: {bad} of {len(report.lines)}.")

    def _watch(self, *, every: float) -> None:
        console = self._console()
        try:
            while True:
                self._redraw(current_status(), console)
                sleep(every)
        except KeyboardInterrupt:
            # The terminal shows ^C at the end of the last line.
            console.print()

    def _redraw(self, report: Report, console: Console) -> None:
        # Does nothing if the output is not a terminal.
        console.clear()
        show(report, console=console)

    def _console(self) -> Console:
        # Django's wrapper lets rich detect whether the output is a terminal.
        return Console(file=cast(IO[str], self.stdout), highlight=False, markup=False)

"""`manage.py report`"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import translation

from apps.analytics.figures import Period, Scope, csv_files, figures, local_today
from apps.analytics.figures.csv_files import PROGRAMS, Form, spreadsheets
from apps.analytics.figures.daily import project_days
from apps.analytics.figures.documents import Document, as_document, as_rows
from apps.analytics.figures.tables import tables
from apps.common.clock import now
from apps.conversations.project_models import Project
from operations.management.command_line import (
    OperatorCommand,
    day,
    known_project,
    one_of,
    text,
    uuid,
)
from operations.management.output import SafeConsole
from operations.management.output_file import output_file

DEFAULT_DAYS = 7
PARQUET = "parquet"


def _json(scope: Scope, period: Period, _form: Form) -> Iterator[str]:
    yield json.dumps(_document(scope, period), indent=2) + "\n"


def _csv(scope: Scope, period: Period, _form: Form) -> Iterator[str]:
    return csv_files.of_scope(as_rows(_document(scope, period)))


def _csv_wide(scope: Scope, period: Period, form: Form) -> Iterator[str]:
    return csv_files.wide(project_days(scope=scope, period=period), form)


def _csv_long(scope: Scope, period: Period, form: Form) -> Iterator[str]:
    return csv_files.long(project_days(scope=scope, period=period), form)


def _document(scope: Scope, period: Period) -> Document:
    return as_document(figures(scope=scope, period=period, times_by_day=True))


# The functions yield pieces of the text.
TEXTS: Mapping[str, Callable[[Scope, Period, Form], Iterator[str]]] = {
    "json": _json,
    "csv": _csv,
    "csv-wide": _csv_wide,
    "csv-long": _csv_long,
}
FOR_SPREADSHEETS = ("csv-wide", "csv-long")


class Command(OperatorCommand):
    """Show the figures of one project or of all projects, or write them to a file."""

    help = (
        "Show CSAT, NPS and conversations of a period. Days are local days in each project's time "
        "zone. The default period is the last 7 days, including today; for all projects, today is "
        "the latest local date of any of them. Without a format, tables are printed. json and csv "
        "have the figures of all projects together, or of one. csv has a row for each figure, with "
        "the columns day, figure and value. Figures of the whole period have no day. The names of "
        "figures are the keys of json, joined by dots. csv-wide and parquet have a row for each "
        "project and day, and csv-long for each project, day and figure. Values are not rounded. A "
        "figure without data is null in json and parquet, and empty in csv."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        for name in ("project", "channel"):
            parser.add_argument(
                f"--{name}", type=uuid, metavar="UUID", help="only this one (default: all)"
            )
        for name, meaning in (("from", "first"), ("to", "last")):
            parser.add_argument(
                f"--{name}", type=day, metavar="YYYY-MM-DD", help=f"the {meaning} local day"
            )
        forms = parser.add_mutually_exclusive_group()
        forms.add_argument(
            "--format",
            type=one_of(*TEXTS, PARQUET, what="a format"),
            metavar="FORMAT",
            help=", ".join((*TEXTS, PARQUET)),
        )
        for name in ("csv", "json"):
            forms.add_argument(
                f"--{name}",
                dest="format",
                action="store_const",
                const=name,
                help=f"the same as --format {name}",
            )
        parser.add_argument(
            "--spreadsheet",
            type=one_of(*(code for code, _ in settings.LANGUAGES), what="a language"),
            metavar="LANGUAGE",
            help="with csv-wide or csv-long: write the file so that spreadsheet programs in this "
            "language open it",
        )
        parser.add_argument(
            "--output",
            type=text,
            metavar="FILE",
            help="write into this file, which is replaced when all is written",
        )

    def handle(self, **options: Any) -> None:
        """Run the command.

        Raise CommandError for an unknown project, an invalid period, a file that cannot be written,
        or a package that is missing.
        """
        project = known_project(options["project"]) if options["project"] else None
        scope, period = _scope_and_period(project, options)
        form, output = options["format"], options["output"]
        csv_form = _csv_form(form, language=options["spreadsheet"])
        if form == PARQUET:
            _write_parquet(scope, period, output=output)
        elif form and output:
            with output_file(Path(output)) as file:
                for piece in TEXTS[form](scope, period, csv_form):
                    file.write(piece.encode())
        elif form:
            for piece in TEXTS[form](scope, period, csv_form):
                self.stdout.write_data(piece)
        elif output:
            raise CommandError("Tables are for a terminal. With --output, pass --format too.")
        else:
            found = figures(scope=scope, period=period, times_by_day=True)
            SafeConsole(self.stdout).print(*tables(found, project=project), sep="\n")
        if output:
            self.stdout.write(f"The report was written to {output}.")


def _csv_form(form: str | None, *, language: str | None) -> Form:
    if language is None:
        return PROGRAMS
    if form not in FOR_SPREADSHEETS:
        raise CommandError("--spreadsheet is for --format csv-wide and csv-long.")
    with translation.override(language):
        return spreadsheets()


def _write_parquet(scope: Scope, period: Period, *, output: str | None) -> None:
    if not output:
        raise CommandError("Parquet is not text. Pass a file: --output FILE.")
    try:
        # An optional package.
        from apps.analytics.figures.parquet_file import write
    except ImportError as error:
        raise CommandError(
            "parquet needs the package pyarrow, which is not installed by default: "
            "pip install --require-hashes --requirement requirements/parquet.txt; "
            "an image has it if it is built with --build-arg EXTRAS=parquet"
        ) from error
    with output_file(Path(output)) as file:
        write(project_days(scope=scope, period=period), file=file)


def _scope_and_period(project: Project | None, options: dict[str, Any]) -> tuple[Scope, Period]:
    scope = Scope(project=project.uuid if project else None, channel=options["channel"])
    first = options["from"]
    last = options["to"] or local_today(scope=scope, now=now())[1]
    try:
        if first:
            return scope, Period(first=first, last=last)
        return scope, Period.of_days(DEFAULT_DAYS, last=last)
    except ValueError as problem:
        raise CommandError(str(problem)) from None

"""Finds statements of migrations that lock a table for long or that the old release cannot bear."""

import json
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import sqlparse

_FOLDER = Path(__file__).parent
_CONFIGURATION = _FOLDER / "squawk.toml"
EXCEPTIONS = _FOLDER / "exceptions.toml"
# What sqlmigrate writes for RunPython.
_NOT_SQL = "THIS OPERATION CANNOT BE WRITTEN AS SQL"
# What squawk accepts, by the beginnings of statements.
_STATEMENTS = {
    "UPDATE": ("rows-in-one-statement", "Locks all rows until the migration ends."),
    "DELETE": ("rows-in-one-statement", "Locks all rows until the migration ends."),
    "CREATE OR REPLACE": (
        "replaced-object",
        "Changes what the old release calls: create the next version under another name.",
    ),
}


class Finding(NamedTuple):
    """An unsafe statement of a migration."""

    migration: str
    rule: str
    message: str


def squawk() -> Path:
    """Return the path of squawk. Raises AssertionError, with what to do, if it is not installed."""
    path = Path(sysconfig.get_path("scripts")) / "squawk"
    assert path.is_file(), "squawk is not installed: run make lint-migrations, which installs it."
    return path


def lint(folder: Path) -> list[Finding]:
    """Return what is unsafe in the files that `planned_sql` has written."""
    files = sorted(folder.glob("*.sql"))
    found = [*_of_squawk(files)] if files else []
    for file in files:
        found += _of_statements(file.stem, file.read_text(encoding="utf-8"))
    return found


def unexpected(
    findings: Iterable[Finding], *, exceptions: Iterable[Mapping[str, str]]
) -> list[str]:
    """Return a line for each finding without an exception and each exception without a finding."""
    found = list(findings)
    known = {(one["migration"], one["rule"]) for one in exceptions}
    unused = known - {(one.migration, one.rule) for one in found}
    return [
        *(": ".join(one) for one in found if (one.migration, one.rule) not in known),
        *(f"{migration}: {rule} is an exception without a finding" for migration, rule in unused),
    ]


def known_exceptions(text: str) -> list[dict[str, str]]:
    """Return the exceptions in a TOML text. Raises KeyError if one has no reason."""
    entries: list[dict[str, str]] = tomllib.loads(text).get("exception", [])
    return [{key: entry[key] for key in ("migration", "rule", "reason")} for entry in entries]


def _of_squawk(files: list[Path]) -> Iterator[Finding]:
    result = subprocess.run(
        [squawk(), "--config", _CONFIGURATION, "--reporter", "json", *files],
        capture_output=True,
        check=False,
        text=True,
    )
    # 1 stands for findings, among them files that squawk cannot parse.
    if result.returncode not in (0, 1) or not result.stdout:
        raise RuntimeError(f"squawk failed: {result.stderr}")
    for one in json.loads(result.stdout):
        yield Finding(Path(one["file"]).stem, one["rule_name"], one["message"])


def _of_statements(migration: str, text: str) -> Iterator[Finding]:
    if _NOT_SQL in text:
        yield Finding(migration, "not-sql", "RunPython cannot be checked: say why it is safe.")
    for statement in sqlparse.parse(text):
        if rule := _STATEMENTS.get(statement.get_type()):
            yield Finding(migration, *rule)

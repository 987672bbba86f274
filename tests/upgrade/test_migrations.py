"""The migrations since the previous release are safe, and the linter finds those that are not.

make lint-migrations
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.environment import service_environment
from embedded.postgres import start_postgres
from embedded.processes import supervisor
from tests.upgrade import linting
from tests.upgrade.linting import EXCEPTIONS, Finding, known_exceptions, lint, squawk, unexpected
from tests.upgrade.release import Release, current_release
from tests.upgrade.samples import SAFE, UNSAFE, add_samples

PLANNED_SQL = Path(linting.__file__).with_name("planned_sql.py")


@pytest.fixture(scope="module")
def findings(old: Release, tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """What the linter finds in all migrations that are not in the previous release."""
    squawk()
    new = current_release(folder=tmp_path_factory.mktemp("new"))
    add_samples(new)
    folder, logs = tmp_path_factory.mktemp("sql"), tmp_path_factory.mktemp("logs")
    with supervisor() as processes:
        postgres = start_postgres(supervisor=processes, logs=logs)
        postgres.wait_until_ready()
        postgres.create_database(name="conversations")
        environment = service_environment(
            database_url=postgres.url(database="conversations"),
            sqs_url="http://127.0.0.1:9",
            dynamodb_url="http://127.0.0.1:9",
            control_url="redis://127.0.0.1:9/0",
            lake=folder,
        )
        old.manage("migrate", "--no-input", processes=processes, environment=environment, logs=logs)
        new.run(
            *("python", PLANNED_SQL, folder),
            processes=processes,
            environment={**environment, "PYTHONPATH": str(new.root)},
            logs=logs,
        )
    return lint(folder)


def of(findings: list[Finding], kind: str) -> Iterator[Finding]:
    """Yield the findings in samples of this kind."""
    return (one for one in findings if f"_{kind}_" in one.migration)


def test_the_migrations_since_the_previous_release_are_safe(findings: list[Finding]) -> None:
    samples = {*of(findings, "safe"), *of(findings, "unsafe")}
    own = [one for one in findings if one not in samples]

    assert unexpected(own, exceptions=known_exceptions(EXCEPTIONS.read_text())) == []


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_migration_is_found(findings: list[Finding], name: str) -> None:
    rules = [one.rule for one in of(findings, "unsafe") if one.migration.endswith(f"unsafe_{name}")]

    assert UNSAFE[name][1] in rules


@pytest.mark.parametrize("name", SAFE)
def test_a_safe_migration_passes(findings: list[Finding], name: str) -> None:
    assert [one for one in of(findings, "safe") if one.migration.endswith(f"_safe_{name}")] == []


def test_an_exception_needs_a_finding_and_a_reason() -> None:
    finding = Finding("app.0001_one", "ban-drop-column", "Dropping a column.")
    known = known_exceptions(
        '[[exception]]\nmigration = "app.0001_one"\nrule = "ban-drop-column"\nreason = "unused"'
    )

    assert unexpected([finding], exceptions=[]) == [
        "app.0001_one: ban-drop-column: Dropping a column."
    ]
    assert unexpected([finding], exceptions=known) == []
    assert unexpected([], exceptions=known) == [
        "app.0001_one: ban-drop-column is an exception without a finding"
    ]
    with pytest.raises(KeyError, match="reason"):
        known_exceptions('[[exception]]\nmigration = "app.0001_one"\nrule = "ban-drop-column"')

"""The runbook lists all checks of the doctor."""

from operations.doctor import after_restore
from operations.doctor.examination import CHECKS
from operations.doctor.worker_states import CONSUMING, STATES
from operations.doctor.workers import RUNNING
from operations.restoring.losses import losses_since
from tests.support.builders import NOON
from tests.support.pages import page, table_of


def names_in(head: str) -> list[str]:
    """Return the names in the first column of a table of the runbook."""
    rows = table_of(page("docs/runbook.md"), head=head)
    return [name.strip(" `") for row in rows for name in row[0].split(",")]


def test_the_runbook_lists_every_group_of_checks() -> None:
    assert [name.partition(".")[0] for name in names_in("checks")] == list(CHECKS)


def test_the_runbook_lists_every_check_of_workers() -> None:
    assert names_in("check") == [RUNNING, CONSUMING, *(state.check for state in STATES)]


def test_the_runbook_lists_every_loss_of_a_restore() -> None:
    losses = {f"restore.{loss.name}" for loss in losses_since(NOON)}
    others = {after_restore.NAMELESS, after_restore.EXPIRED, after_restore.UNREADABLE}

    assert set(names_in("finding of the doctor")) == losses | others

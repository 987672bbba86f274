"""Workers of the previous release and of this one share a queue while the schema changes.

make test-upgrade
"""

import json

import pytest

from tests.chaos.servers import running_servers
from tests.upgrade.release import Release
from tests.upgrade.rolling import MESSAGES, Deployment, load_on, upgrade
from tests.upgrade.samples import add_sample

pytestmark = pytest.mark.slow


def test_nothing_is_lost_when_releases_share_the_queue_in_any_order(
    old: Release, new: Release
) -> None:
    # So the schema changes even if this release has no migration of its own.
    added = [add_sample(new, name) for name in ("column_without_value", "concurrent_index")]

    with running_servers(logs=None) as servers:
        seen = upgrade(servers=servers, old=old, new=new)
        logs = [path.read_text() for path in servers.logs.glob("worker-old-*.log")]

    assert seen.defects == []
    assert seen.wrongly_quarantined == 0
    # A new worker that is too early receives nothing, and names what is missing.
    assert seen.early_received == 0
    assert set(added) <= set(missing_migrations(seen.early_log))
    # Each release takes its share in each phase, and the old one also while the schema changes.
    assert seen.old_during_migration > 0
    shares = [
        *(seen.old_before, seen.old_beside_early, seen.new_beside_old, seen.old_beside_new),
        *(seen.new_alone, seen.old_after_rollback, seen.new_again),
    ]
    assert min(shares) >= MESSAGES
    # The old workers have noticed nothing.
    assert not any("circuit_opened" in log for log in logs)


def test_a_migration_that_the_old_release_cannot_live_with_is_noticed(
    old: Release, new: Release
) -> None:
    add_sample(new, "default_only_in_django")

    with running_servers(logs=None) as servers:
        deployment = Deployment(servers=servers)
        with load_on(deployment, release=old):
            worker = deployment.start_worker(old)
            deployment.work_of(worker)
            deployment.manage(new, "migrate", "--no-input")
            deployment.wait_until(lambda: "circuit_opened" in worker.process.log_text())
            log = worker.process.log_text()

    assert "circuit_opened" in log


def missing_migrations(log: str) -> list[str]:
    """Return the migrations that a worker's log names as missing."""
    lines = [json.loads(line) for line in log.splitlines() if '"migrations_missing"' in line]
    return [name for line in lines for name in line["migrations"]]

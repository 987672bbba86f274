"""What the tests of the domain share."""

from collections.abc import Iterator

import pytest

from apps.conversations import attribution
from tasks import pipeline
from testbed.sqs import SqsServer, running_sqs_server
from tests.support.service_queue import ServiceQueue, service_queue


@pytest.fixture(autouse=True)
def _no_cached_closing_rules() -> None:
    """Every test's database is new, and so are its projects."""
    attribution._closing_rule.cache_clear()


@pytest.fixture
def outbox_hints(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each hint that the data lake is to be told; none is published."""
    outbox_hints: list[str] = []
    monkeypatch.setattr(pipeline, "publish_outbox_hint", lambda: outbox_hints.append("hint"))
    return outbox_hints


@pytest.fixture(scope="session")
def strict_sqs() -> Iterator[SqsServer]:
    """A strict SQS server: it refuses what AWS does, and remembers deduplication ids."""
    # Nothing arrives on it while a test waits, and commands that empty a queue poll to the end.
    with running_sqs_server(max_poll_seconds=0.02) as server:
        yield server


@pytest.fixture
def queue(
    strict_sqs: SqsServer, aws: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ServiceQueue]:
    """A new queue on the strict server, to which tasks are published."""
    with service_queue(strict_sqs, monkeypatch) as queue:
        yield queue

"""Fixtures of the integration tests."""

from collections.abc import Iterator
from functools import partial
from itertools import count

import pytest
from django.utils import translation

from apps.conversations import attribution
from tasks import pipeline
from tasks.outbox_hints import MIN_INTERVAL, Hints
from testbed.sqs import SqsServer, running_sqs_server
from tests.support.service_queue import ServiceQueue, service_queue


@pytest.fixture(autouse=True)
def _no_cached_closing_rules() -> None:
    """Clear the cached closing rules, because each test creates its own projects."""
    attribution._closing_rule.cache_clear()


@pytest.fixture(autouse=True)
def _no_language() -> Iterator[None]:
    """Forget the language of the test's last request, which Django keeps in the thread."""
    yield
    translation.deactivate()


@pytest.fixture
def outbox_hints(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that gets an entry for each hint about new outbox events. None is published."""
    outbox_hints: list[str] = []
    later = partial(next, count(step=MIN_INTERVAL))
    hints = Hints(publish=lambda: outbox_hints.append("hint"), now=later)
    monkeypatch.setattr(pipeline, "hints", hints)
    return outbox_hints


@pytest.fixture(scope="session")
def strict_sqs() -> Iterator[SqsServer]:
    """A strict SQS server: it refuses what AWS refuses, and remembers deduplication ids."""
    # Long polls may be short: no message arrives during a poll, and a command that empties a queue
    # waits for an empty poll.
    with running_sqs_server(max_poll_seconds=0.02) as server:
        yield server


@pytest.fixture
def queue(
    strict_sqs: SqsServer, aws: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ServiceQueue]:
    """A new queue on the strict server, to which tasks are published."""
    with service_queue(strict_sqs, monkeypatch) as queue:
        yield queue

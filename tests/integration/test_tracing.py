"""A collector receives the traces of events, and a broken collector does not affect events."""

from collections.abc import Iterator
from typing import Any

import pytest

from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.running.envelope import Envelope
from config.celery import app
from config.celeryconfig import QUEUE
from embedded.network import free_port
from observability import otlp
from observability.otlp import ProcessTracing
from tasks.event_rules import RULES
from testbed.checker.logs import leaks, personal_data
from tests.support.builders import message_body
from tests.support.chain_app import run_as_pool_process
from tests.support.fake_calls import delivery
from tests.support.samples import samples
from tests.support.stored import every_item
from tests.support.trace_collector import TraceCollector, running_trace_collector

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

STEPS = ["process_message", "persist_dynamo", "handle_csat"]


@pytest.fixture(autouse=True)
def _loaded() -> None:
    """Load the app before a test reads logs, because loading configures logging."""
    app.loader.import_default_modules()


@pytest.fixture(autouse=True)
def _sends_all_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow more time for the flush, for slow machines."""
    monkeypatch.setattr(otlp, "FLUSH_SECONDS", 60)


@pytest.fixture
def collector(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[TraceCollector]:
    """Return a collector that this process is configured to send to."""
    with running_trace_collector() as collector:
        settings.TRACING_ENABLED = True
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        yield collector
        collector.is_answering.set()
        otlp.stop()


def run(*deliveries: Delivery) -> int:
    """Run a batch as a pool process does. Return 0 if all events took effect."""
    envelope = Envelope(
        app=app,
        queue=QUEUE,
        rules=RULES,
    )
    for one in deliveries:
        envelope.classify(one)
    failed, _report, _runtime = run_as_pool_process(app, envelope.message(deliveries))
    return failed


def messages(number: int) -> list[Delivery]:
    """Return messages of different contacts."""
    return [
        delivery(f"m{index}", body=message_body(urn=f"telegram:30{index}"), group=f"g{index}")
        for index in range(number)
    ]


def test_a_collector_gets_a_trace_of_each_sample_without_personal_data(
    collector: TraceCollector,
) -> None:
    otlp.start()
    chosen = [one for one in samples() if not one.expect.startswith("quarantine; the task")]
    deliveries = [
        delivery(
            sample.event.message_id,
            body=sample.event.body,
            group=sample.event.group_id,
            sent_at=sample.event.place.queue_time / 1000,
        )
        for sample in chosen
    ]
    for one in deliveries:
        run(one)
    otlp.stop()

    # Their contact had not written, and an answer opens no conversation.
    without_conversation = {
        sample.event.message_id
        for sample in chosen
        if sample.expect.startswith("an answer without a score")
    }
    events = [one for one in deliveries if not one.is_celery]
    roots = collector.roots()
    assert collector.refusals == []
    assert sorted(root.attributes["messaging.message.id"] for root in roots) == sorted(
        one.message_id for one in events
    )
    assert len({root.trace_id for root in roots}) == len(roots)
    assert {root.attributes["outcome"] for root in roots} == {"done", "invalid"}
    for root in roots:
        below = [span for span in collector.spans if span.parent_id == root.span_id]
        names = [span.name for span in sorted(below, key=lambda span: span.begun_at)]
        is_done = root.attributes["outcome"] == "done"
        assert names == (STEPS if is_done else STEPS[: len(names)])
        assert {span.trace_id for span in below} == {root.trace_id}
        has_none = root.attributes["messaging.message.id"] in without_conversation
        assert ("conversation_uuid" in root.attributes) is (is_done and not has_none)
    assert {span.resource["service.name"] for span in collector.spans} == {"conversation-service"}
    personal = personal_data(
        bodies=[one.body for one in events], group_ids={one.group_id for one in events}
    )
    sent = b"".join(collector.bodies).decode(errors="replace")
    assert leaks(log=sent, personal=personal) == []


def test_events_take_effect_and_a_process_ends_while_a_collector_does_not_answer(
    collector: TraceCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans that cannot be sent do not block: a full queue drops its oldest spans."""
    for name, value in {"MAX_QUEUE_SIZE": "4", "MAX_EXPORT_BATCH_SIZE": "2"}.items():
        monkeypatch.setenv(f"OTEL_BSP_{name}", value)
    monkeypatch.setattr(otlp, "FLUSH_SECONDS", 0.1)
    collector.is_answering.clear()
    otlp.start()

    assert run(*messages(1)) == 0
    assert collector.is_asked.wait(timeout=30)
    assert run(*messages(10)) == 0
    otlp.stop()

    assert (collector.spans, ProcessTracing.tracer) == ([], None)
    assert len(every_item()) == 11


def test_events_take_effect_while_there_is_no_collector(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TRACING_ENABLED = True
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    # Shorter than the pause before a second attempt, so that there is only one attempt.
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    otlp.start()

    assert run(*messages(2)) == 0
    otlp.stop()

    assert len(every_item()) == 2
    of_library = [line for line in caplog.records if line.name.startswith("opentelemetry")]
    assert [line.levelname for line in of_library] == ["ERROR"]


def test_nothing_is_started_if_tracing_is_disabled(settings: Any) -> None:
    settings.TRACING_ENABLED = False
    otlp.start()

    assert ProcessTracing.tracer is None

"""The spans of events: their traces, their attributes, and no personal data."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from celery import Celery
from celery.concurrency import prefork
from celery.concurrency import thread as threads
from django.core.exceptions import ImproperlyConfigured
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import SpanKind, StatusCode

from apps.common.errors import Unavailable
from celery_sqs_fifo import BatchItem, Outcome, QueuedEvent, process_each
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.running.batch import MAX_TRACEPARENT_LENGTH
from config.environment import read_environment
from observability import otlp
from observability.event_tracer import EventTracer
from observability.log_fields import hash_for_logs
from observability.otlp import ProcessTracing
from tasks.base import StepTask, outcome_of, with_log_fields
from tasks.steps.reading import read as read_event
from tests.support.builders import NAME, PROJECT, TEXT, URN, message_body
from tests.support.chain_app import CHAIN, envelope_of, run_as_pool_process
from tests.support.fake_calls import delivery
from tests.support.pages import ROOT
from tests.unit.apps.analytics.datalake.test_requirements import RUNTIME, WENI, pins

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"
CONVERSATION = UUID("9d0c3f55-0c7e-4f0a-8f2e-1a8d3f6f7b11")
GROUP = f"{PROJECT}:channel:{URN}"
ROOT_NAME = "conversations.fifo process"
Step = Callable[[BatchItem], None]


def find(item: BatchItem) -> None:
    """Read an event as the service does. Its conversation is always the same."""
    read_event(item)
    item.state.conversation_uuid = CONVERSATION


def nothing(_work: BatchItem) -> None:
    """Do nothing, as a step does for an event that does not concern it."""


class Traced:
    """A chain of three steps, and the spans of the events that ran through it."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()

    def follow(self, *, sampler: Sampler = ALWAYS_ON) -> None:
        """Start tracing."""
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        ProcessTracing.tracer = EventTracer(provider.get_tracer("test"), queue="conversations.fifo")

    def run(
        self, *deliveries: Delivery, store: Step = nothing, record: Step = nothing
    ) -> list[Outcome]:
        """Run a batch as a pool process does. Return the outcomes unless all events took effect."""
        app = self._app(find, store, record)
        envelope = envelope_of(app)
        for one in deliveries:
            envelope.classify(one)
        failed, report, _ = run_as_pool_process(app, envelope.message(deliveries))
        error = getattr(report.exception, "exc", report.exception) if failed else None
        return list(error.outcomes) if error else []

    def traces(self) -> dict[int, list[ReadableSpan]]:
        """Return the spans of each trace in the order in which they ended. The root is the last."""
        traces: dict[int, list[ReadableSpan]] = {}
        for span in self._exporter.get_finished_spans():
            traces.setdefault(span.context.trace_id, []).append(span)
        return traces

    def only_trace(self) -> list[ReadableSpan]:
        """Return the spans of the only trace."""
        (spans,) = self.traces().values()
        return spans

    def _app(self, *handlers: Step) -> Celery:
        app = Celery("traced", broker="memory://", set_as_current=False, fixups=[])
        app.conf.update(task_ignore_result=True, accept_content=["json"])
        for name, handle in zip(CHAIN, handlers, strict=True):
            app.task(_step(handle), name=name, base=StepTask, shared=False)
        app.finalize()
        return app


def _step(handle: Step) -> Callable[[list[BatchItem]], None]:
    def run(batch: list[BatchItem]) -> None:
        process_each(batch, with_log_fields(handle), outcome_of=outcome_of)

    return run


@pytest.fixture
def traced() -> Iterator[Traced]:
    """Return a new chain with tracing on."""
    chain = Traced()
    chain.follow()
    yield chain
    ProcessTracing.tracer = None


def received(name: str = "m1", *, body: str = "", traceparent: str = "", **others: Any) -> Delivery:
    """Return a received message. If `traceparent` is given, its producer has a trace."""
    attribute = {"DataType": "String", "StringValue": traceparent}
    one = delivery(name, body=body or message_body(), group=others.pop("group", GROUP), **others)
    one.attributes = {"traceparent": attribute} if traceparent else {}
    return one


def sent_text(spans: Sequence[ReadableSpan]) -> str:
    """Return everything that is sent to the collector, as text."""
    return json.dumps([json.loads(span.to_json()) for span in spans])


def test_an_event_is_a_span_with_one_below_it_for_each_step(traced: Traced) -> None:
    traced.run(received())

    *of_steps, root = traced.only_trace()
    assert [span.name for span in of_steps] == list(CHAIN)
    assert (root.name, root.kind, root.parent) == (ROOT_NAME, SpanKind.CONSUMER, None)
    assert {span.parent.span_id for span in of_steps if span.parent} == {root.context.span_id}
    ends = [span.end_time or 0 for span in (*of_steps, root)]
    assert ends == sorted(ends)
    assert {span.status.status_code for span in (*of_steps, root)} == {StatusCode.UNSET}


def test_the_root_span_has_the_log_fields(traced: Traced) -> None:
    one = received(receive_count=3)
    one.failures = 1
    traced.run(one)

    attributes = dict(traced.only_trace()[-1].attributes or {})
    assert attributes.pop("since_sent_ms")
    assert attributes == {
        "messaging.system": "aws_sqs",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "conversations.fifo",
        "messaging.message.id": one.message_id,
        "correlation_id": "correlation-1",
        "conversation_uuid": str(CONVERSATION),
        "project_uuid": str(PROJECT),
        "group": hash_for_logs(GROUP),
        "event_type": "message.received",
        "receive_count": 3,
        "attempt": 2,
        "batch.size": 1,
        "outcome": "done",
    }


def test_an_event_of_a_producer_that_traces_is_in_its_trace(traced: Traced) -> None:
    traced.run(received(traceparent=TRACEPARENT))

    *_, root = traced.only_trace()
    assert f"{root.context.trace_id:032x}" == TRACE
    assert root.parent
    assert (f"{root.parent.span_id:016x}", root.parent.is_remote) == (SPAN, True)


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "nonsense",
        TEXT,
        URN,
        TRACEPARENT.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}x-{SPAN}-01",
        f"{TRACEPARENT}\n{TRACEPARENT}",
        f"\x00{TRACEPARENT}",
        "\u0660\u0660-" + TRACEPARENT[3:],
        "\ud83d",
        f"01-{TRACE}-{SPAN}-01-" + "0" * MAX_TRACEPARENT_LENGTH,
    ],
    ids=range(16),
)
def test_an_invalid_trace_context_is_ignored(traced: Traced, traceparent: str) -> None:
    assert traced.run(received(traceparent=traceparent)) == []

    *_, root = traced.only_trace()
    assert root.parent is None
    assert f"{root.context.trace_id:032x}" != TRACE


@pytest.mark.parametrize(
    "attribute", [{"DataType": "Binary", "BinaryValue": b"\x00"}, {"StringValue": "0" * 513}, {}]
)
def test_an_invalid_attribute_does_not_reach_the_pool(attribute: Any) -> None:
    one = delivery()
    one.attributes = {"traceparent": attribute}

    assert QueuedEvent.of(one).traceparent == ""


def test_each_of_ten_events_of_a_batch_has_its_own_trace_with_the_same_times(
    traced: Traced,
) -> None:
    batch = [received(f"m{number}", group=f"g{number}") for number in range(9)]
    traced.run(*batch, received("m9", group="g9", traceparent=TRACEPARENT))

    traces = traced.traces()
    assert int(TRACE, 16) in traces
    assert len(traces) == 10
    roots = [spans[-1] for spans in traces.values()]
    assert [(root.attributes or {})["messaging.message.id"] for root in roots] == [
        f"m{number}" for number in range(10)
    ]
    for spans in traces.values():
        assert [span.name for span in spans] == [*CHAIN, ROOT_NAME]
        assert {(span.attributes or {})["batch.size"] for span in spans} == {10}
    for number in range(3):
        assert len({(s[number].start_time, s[number].end_time) for s in traces.values()}) == 1


def test_an_invalid_event_ends_in_its_step_with_its_reason(traced: Traced) -> None:
    body = json.dumps({"event_type": TEXT, "data": {"contact_urn": URN}})
    (outcome,) = traced.run(received(body=body))

    step, root = traced.only_trace()
    assert (step.name, root.name) == ("first", ROOT_NAME)
    assert {span.status.status_code for span in (step, root)} == {StatusCode.ERROR}
    assert {span.status.description for span in (step, root)} == {outcome.reason}
    assert (root.attributes or {})["outcome"] == "invalid"
    assert (root.attributes or {})["error.type"] == outcome.reason
    assert step.end_time == root.end_time


def test_errors_are_recorded_without_text_and_bugs_with_their_location(traced: Traced) -> None:
    def fails(item: BatchItem) -> None:
        error: type[Exception] = ValueError if item.event.message_id == "m1" else KeyError
        if item.event.message_id == "m2":
            raise Unavailable("PostgreSQL", f"Key (contact_urn)=({URN})")
        if item.event.message_id != "m3":
            raise error(f"Key (contact_urn)=({URN}) {TEXT} {NAME}")

    traced.run(
        received("m1", group="g1"),
        received("m2", group="g2"),
        received("m3", group="g2"),
        received("m4", group="g4"),
        store=fails,
    )

    bug, unavailable, waiting, other_bug = (spans[-1] for spans in traced.traces().values())
    assert [dict(one.attributes or {})["outcome"] for one in (bug, unavailable, waiting)] == [
        "bug",
        "unavailable",
        "waiting",
    ]
    assert "test_event_tracer.py" in str((bug.attributes or {})["error"])
    assert str((bug.attributes or {})["error"]).endswith("ValueError")
    assert str((other_bug.attributes or {})["error"]).endswith("KeyError")
    assert "error" not in (unavailable.attributes or {})
    assert waiting.status.status_code is StatusCode.UNSET
    spans = [span for spans in traced.traces().values() for span in spans]
    assert "third" not in {span.name for span in spans}
    assert not any(span.events for span in spans)


def test_spans_have_no_personal_data(traced: Traced) -> None:
    body = message_body(event={"correlation_id": URN}, data={"extra": TEXT})
    traced.run(received(body=body, traceparent=f"{TRACEPARENT}-{URN}"))

    text = sent_text(traced.only_trace())
    assert "hash-" in text
    assert not [
        secret for secret in (URN, URN.partition(":")[2], TEXT, NAME, GROUP) if secret in text
    ]


def test_log_lines_and_outcomes_have_the_trace_id(
    traced: Traced, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_work: BatchItem) -> None:
        raise Unavailable("PostgreSQL", "down")

    with caplog.at_level(logging.INFO, logger="tasks"):
        traced.run(received(traceparent=TRACEPARENT))
        (outcome,) = traced.run(received(traceparent=TRACEPARENT), store=fails)

    (end,) = (line for line in caplog.records if line.message == "event_ended")
    assert vars(end)["trace_id"] == TRACE
    assert outcome.labels["trace_id"] == TRACE


def test_an_event_that_is_not_sampled_costs_no_spans_and_keeps_its_trace_in_logs(
    traced: Traced, caplog: pytest.LogCaptureFixture
) -> None:
    traced.follow(sampler=ParentBased(root=ALWAYS_OFF))
    with caplog.at_level(logging.INFO, logger="tasks"):
        traced.run(received("m1"), received("m2", group="g2", traceparent=TRACEPARENT[:-1] + "0"))

    assert traced.traces() == {}
    assert [vars(line)["trace_id"] for line in caplog.records][1:] == [TRACE]


def test_without_tracing_events_have_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    followed: list[Any] = []

    def look(item: BatchItem) -> None:
        followed.append(item.trace)

    with caplog.at_level(logging.INFO, logger="tasks"):
        Traced().run(received(traceparent=TRACEPARENT), record=look)

    assert followed == [None]
    assert not any("trace_id" in vars(line) for line in caplog.records)


def test_the_sdk_switched_off_by_its_own_variable_leaves_no_trace(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    traced.follow()
    looked: list[Any] = []

    assert traced.run(received(), record=lambda item: looked.append(item.trace)) == []
    assert (looked, traced.traces()) == ([None], {})


@pytest.mark.parametrize(
    ("variables", "service"),
    [
        ({}, "conversation-service"),
        ({"OTEL_SERVICE_NAME": ""}, "conversation-service"),
        ({"OTEL_SERVICE_NAME": "conversations-eu"}, "conversations-eu"),
    ],
)
def test_the_service_is_named_by_opentelemetrys_own_variable_or_by_default(
    variables: dict[str, str], service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=qa",
        **variables,
    }.items():
        monkeypatch.setenv(name, value)
    provider = otlp.new_provider()
    provider.shutdown()

    assert provider.resource.attributes["service.name"] == service
    assert provider.resource.attributes["deployment.environment"] == "qa"


@pytest.mark.parametrize(
    ("pool", "is_traced"), [(threads.TaskPool(1), True), (prefork.TaskPool(1), False)]
)
def test_the_main_process_sends_traces_only_for_a_pool_of_threads(
    pool: Any, is_traced: bool, settings: Any
) -> None:
    settings.TRACING_ENABLED = True
    otlp.start_for_threads(SimpleNamespace(pool=pool))
    tracer = ProcessTracing.tracer
    otlp.stop()

    assert (tracer is not None) is is_traced
    assert ProcessTracing.tracer is None


def test_without_tracing_its_packages_are_not_imported() -> None:
    program = """
import sys
sys.modules["opentelemetry"] = None
from celery import signals
from config.celery import app
app.loader.import_default_modules()
signals.worker_init.send(sender=app)
signals.worker_process_init.send(sender=app)
signals.worker_process_shutdown.send(sender=app)
from observability.otlp import ProcessTracing
sys.exit(ProcessTracing.tracer is not None)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "missing", ["opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http"]
)
def test_without_its_packages_tracing_is_refused_with_how_to_install_them(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)

    monkeypatch.setenv("TRACING_ENABLED", "true")
    with pytest.raises(ImproperlyConfigured) as refusal:
        read_environment()
    monkeypatch.setenv("TRACING_ENABLED", "false")
    without_tracing = read_environment()

    _, sentence = str(refusal.value).splitlines()
    assert sentence.startswith("TRACING_ENABLED: needs OpenTelemetry")
    assert "pip install --require-hashes --requirement requirements/tracing.txt" in sentence
    assert sentence.endswith("--build-arg EXTRAS=tracing")
    assert without_tracing.TRACING_ENABLED is False


def test_the_packages_for_tracing_replace_none_of_the_others() -> None:
    tracing_packages = pins(ROOT / "requirements/tracing.txt")
    others = RUNTIME | WENI

    shared = tracing_packages.keys() & others.keys()
    assert {name: tracing_packages[name] for name in shared} == {
        name: others[name] for name in shared
    }

"""One trace for each event: its way through the steps, as spans of OpenTelemetry.

Loaded only where tracing is on (observability.otlp), because its packages are an optional extra.
Spans have ids and kinds, named as in log lines, and nothing of what people wrote.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from celery_sqs_fifo import DONE, TRACEPARENT, BatchItem, ErrorLocation, Outcome, Result
from observability.labels import labels_of_item

_W3C = TraceContextTextMapPropagator()
_NANOSECONDS = 1_000_000_000
# The root span says it by an attribute of OpenTelemetry's own, and its trace has the other.
_SAID_ALREADY = ("message_id", "trace_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTrace:
    """The trace of an event on its way: its root span, which the spans of its steps are under."""

    root: Span
    context: Context
    trace_id: str


class EventTracer:
    """Gives each event of a delivery a trace of its own, or a place in the one of its producer.

    Steps handle the events of a batch together, so each of them has a span for the same time.
    `queue` is the name of the SQS queue.
    """

    def __init__(self, tracer: Tracer, *, queue: str) -> None:
        self._tracer = tracer
        self._root_name = f"{queue} process"
        # OpenTelemetry, "Semantic conventions for messaging spans".
        self._of_every_root: dict[str, AttributeValue] = {
            "messaging.system": "aws_sqs",
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": queue,
        }

    def delivery_begun(self, batch: list[BatchItem], *, attempt: int) -> None:
        """Begin the traces; `attempt` counts the runs of these events in this worker, from 1."""
        for item in batch:
            root = self._tracer.start_span(
                self._root_name,
                context=parent_of(item.event.traceparent),
                kind=SpanKind.CONSUMER,
                attributes={
                    **self._of_every_root,
                    "messaging.message.id": item.event.message_id,
                    "receive_count": item.event.receive_count,
                    "attempt": attempt,
                    "batch.size": len(batch),
                },
            )
            if root.get_span_context().is_valid:
                item.trace = EventTrace(
                    root=root,
                    context=set_span_in_context(root, Context()),
                    trace_id=format_trace_id(root.get_span_context().trace_id),
                )

    def step_ended(self, batch: list[BatchItem], *, step: str, seconds: float) -> None:
        """Add a span for each event that was in this step, and end the traces that end with it."""
        ended_at = time.time_ns()
        begun_at = ended_at - int(seconds * _NANOSECONDS)
        for item in _traced(batch):
            span = self._tracer.start_span(
                step.rpartition(".")[2],
                context=item.trace.context,
                attributes={"batch.size": len(batch)},
                start_time=begun_at,
            )
            if item.outcome:
                _tell(span, item.outcome)
            span.end(ended_at)
            if item.outcome:
                _end(item, at=ended_at)

    def delivery_ended(self, batch: list[BatchItem]) -> None:
        """End the traces of the events that took effect."""
        ended_at = time.time_ns()
        for item in _traced(batch):
            _end(item, at=ended_at)


def parent_of(traceparent: str) -> Context:
    """The producer's span, or nothing where there is none or the text is none (W3C)."""
    return _W3C.extract({TRACEPARENT: traceparent}, context=Context())


def _traced(batch: Iterable[BatchItem]) -> list[BatchItem]:
    """Those whose trace is recorded, and has not ended yet."""
    return [item for item in batch if item.trace and item.trace.root.is_recording()]


def _end(item: BatchItem, *, at: int) -> None:
    root: Span = item.trace.root
    labels = labels_of_item(item)
    root.set_attributes({name: labels[name] for name in labels if name not in _SAID_ALREADY})
    root.set_attribute("since_sent_ms", at // 1_000_000 - item.event.sent_at)
    _tell(root, item.outcome or DONE)
    root.end(at)


def _tell(span: Span, outcome: Outcome) -> None:
    """An error by its kind, and a bug by its places, too: texts of errors may quote people."""
    span.set_attribute("outcome", outcome.result.value)
    if outcome.result in (Result.DONE, Result.WAITING):
        return
    span.set_attribute("error.type", outcome.reason)
    if isinstance(outcome.error, ErrorLocation):
        span.set_attribute("error", outcome.error)
    span.set_status(Status(StatusCode.ERROR, outcome.reason))

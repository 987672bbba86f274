"""The OpenTelemetry trace of each event, with a span for each step.

This module is imported only if tracing is on (observability.otlp), because its packages are an
optional extra. Spans have ids and kinds under the names of log fields, and no personal data.
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
from observability.log_fields import event_fields

_W3C = TraceContextTextMapPropagator()
_NANOSECONDS = 1_000_000_000
# The root span has these already: the message id in an attribute of OpenTelemetry's, and the trace
# id as the id of its trace.
_FIELDS_NOT_COPIED = ("message_id", "trace_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTrace:
    """The trace of an event that runs through the steps. `root` is the parent of their spans."""

    root: Span
    context: Context
    trace_id: str


class EventTracer:
    """Creates a trace for each event of a delivery, or continues the trace of its producer.

    Steps handle the events of a batch together, so the spans of these events have the same times.
    `queue` is the name of the SQS queue.
    """

    def __init__(self, tracer: Tracer, *, queue: str) -> None:
        self._tracer = tracer
        self._root_name = f"{queue} process"
        # OpenTelemetry, "Semantic conventions for messaging spans".
        self._root_attributes: dict[str, AttributeValue] = {
            "messaging.system": "aws_sqs",
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": queue,
        }

    def delivery_begun(self, batch: list[BatchItem], *, attempt: int) -> None:
        """Begin the traces. `attempt` is the number of this run in this worker, from 1."""
        for item in batch:
            root = self._tracer.start_span(
                self._root_name,
                context=_producer_context(item.event.traceparent),
                kind=SpanKind.CONSUMER,
                attributes={
                    **self._root_attributes,
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
        """Add a span of the step to each trace. End the traces of events that have an outcome."""
        ended_at = time.time_ns()
        begun_at = ended_at - int(seconds * _NANOSECONDS)
        for item in _with_open_trace(batch):
            span = self._tracer.start_span(
                step.rpartition(".")[2],
                context=item.trace.context,
                attributes={"batch.size": len(batch)},
                start_time=begun_at,
            )
            if item.outcome:
                _set_outcome(span, item.outcome)
            span.end(ended_at)
            if item.outcome:
                _end_trace(item, at=ended_at)

    def delivery_ended(self, batch: list[BatchItem]) -> None:
        """End the traces of the events that took effect."""
        ended_at = time.time_ns()
        for item in _with_open_trace(batch):
            _end_trace(item, at=ended_at)


def _producer_context(traceparent: str) -> Context:
    """Return a context with the producer's span, or an empty one if `traceparent` is invalid."""
    return _W3C.extract({TRACEPARENT: traceparent}, context=Context())


def _with_open_trace(batch: Iterable[BatchItem]) -> list[BatchItem]:
    """Return the events whose trace is sampled and has not ended."""
    return [item for item in batch if item.trace and item.trace.root.is_recording()]


def _end_trace(item: BatchItem, *, at: int) -> None:
    root: Span = item.trace.root
    fields = event_fields(item)
    root.set_attributes({name: fields[name] for name in fields if name not in _FIELDS_NOT_COPIED})
    root.set_attribute("since_sent_ms", at // 1_000_000 - item.event.place.queue_time)
    _set_outcome(root, item.outcome or DONE)
    root.end(at)


def _set_outcome(span: Span, outcome: Outcome) -> None:
    """Add the outcome to a span: the kind of an error, and the location of a bug.

    The text of an error is left out, because it may contain personal data.
    """
    span.set_attribute("outcome", outcome.result.value)
    if outcome.result in (Result.DONE, Result.WAITING):
        return
    span.set_attribute("error.type", outcome.reason)
    if isinstance(outcome.error, ErrorLocation):
        span.set_attribute("error", outcome.error)
    span.set_status(Status(StatusCode.ERROR, outcome.reason))

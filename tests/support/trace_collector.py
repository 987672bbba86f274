"""A server that stores the spans that OpenTelemetry exports by OTLP over HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from testbed.http_server import running_http_server


@dataclass(frozen=True, kw_only=True)
class ReceivedSpan:
    """A received span. `resource` has the attributes of the process that sent it."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    begun_at: int
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass(eq=False)
class TraceCollector:
    """The received spans. Requests are answered only while `is_answering` is set."""

    endpoint: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    is_asked: threading.Event = field(default_factory=threading.Event)
    is_answering: threading.Event = field(default_factory=threading.Event)

    def take(self, *, path: str, content_type: str, body: bytes) -> bool:
        """Keep a request. Return False if it does not follow the protocol."""
        if path != "/v1/traces" or content_type != "application/x-protobuf":
            self.refusals.append(f"{path} {content_type}")
            return False
        self.bodies.append(body)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = _plain(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans += [_received(span, resource) for span in scope.spans]
        return True

    def roots(self) -> list[ReceivedSpan]:
        """Return the root spans, one for each event."""
        return [span for span in self.spans if span.name.endswith(" process")]


@contextmanager
def running_trace_collector() -> Iterator[TraceCollector]:
    """Run a server on a free port of 127.0.0.1."""
    collector = TraceCollector()
    collector.is_answering.set()

    def respond(path: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        collector.is_asked.set()
        collector.is_answering.wait()
        is_taken = collector.take(path=path, content_type=headers["Content-Type"], body=body)
        return (200 if is_taken else 400), ExportTraceServiceResponse().SerializeToString()

    with running_http_server(respond) as address:
        collector.endpoint = f"http://{address}"
        try:
            yield collector
        finally:
            collector.is_answering.set()


def _received(span: Any, resource: dict[str, Any]) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        begun_at=span.start_time_unix_nano,
        attributes=_plain(span.attributes),
        resource=resource,
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}

"""A server that takes what OpenTelemetry's exporters send by OTLP over HTTP, and keeps it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True, kw_only=True)
class ReceivedSpan:
    """A span with its attributes, and those of the process that sent it, as plain values."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    status: int
    begun_at: int
    ended_at: int
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass(eq=False)
class TraceCollector:
    """What has been received; while `is_answering` is not set, requests get no answer."""

    endpoint: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    is_asked: threading.Event = field(default_factory=threading.Event)
    is_answering: threading.Event = field(default_factory=threading.Event)

    def take(self, *, path: str, content_type: str, body: bytes) -> bool:
        """Take one request; False if it is in no form of the protocol."""
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
        """The spans of whole events."""
        return [span for span in self.spans if span.name.endswith(" process")]


@contextmanager
def running_trace_collector() -> Iterator[TraceCollector]:
    """A server on a free port of 127.0.0.1, until the block is left."""
    collector = TraceCollector()
    collector.is_answering.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.is_asked.set()
            collector.is_answering.wait()
            is_taken = collector.take(
                path=self.path, content_type=self.headers["Content-Type"], body=body
            )
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if is_taken else 400)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Not to stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield collector
        finally:
            collector.is_answering.set()
            server.shutdown()
            thread.join()


def _received(span: Any, resource: dict[str, Any]) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        status=span.status.code,
        begun_at=span.start_time_unix_nano,
        ended_at=span.end_time_unix_nano,
        attributes=_plain(span.attributes),
        resource=resource,
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}

"""A local server for the protocol of Weni's data lake, with the messages of its SDK."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from weni_datalake_sdk.clients import events_pb2, events_pb2_grpc

from apps.analytics.datalake import LakeEvent

# Called for each RPC before the event is kept. Returns the status of the response.
Behaviour = Callable[[Any, grpc.ServicerContext], str]


class WeniServer(events_pb2_grpc.DatalakeManagerServiceServicer):
    """A server on a free port of 127.0.0.1. `taken` are the requests that it accepted."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.calls: list[str] = []
        self.behaviour: Behaviour = accept
        self._port = 0
        self.start()

    @property
    def target(self) -> str:
        """The host and port."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start to listen. After `stop`, use the same port again."""
        # One thread, so that requests are kept in their order.
        self._server = grpc.server(ThreadPoolExecutor(max_workers=1))
        events_pb2_grpc.add_DatalakeManagerServiceServicer_to_server(self, self._server)
        self._port = self._server.add_insecure_port(self.target)
        self._server.start()

    def stop(self) -> None:
        """Stop listening, and abort the RPCs in progress."""
        self._server.stop(grace=None).wait()

    def InsertEventData(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Handle the only method of the protocol."""
        self.calls.append(request.value.string_value)
        status = self.behaviour(request, context)
        if status == "success":
            self.taken.append(request)
        return events_pb2.InsertEventResponse(status=status)

    def arrived(self) -> list[LakeEvent]:
        """Return the accepted events as they were before they were encoded as requests."""
        return [event_of(request) for request in self.taken]


def accept(_request: Any, _context: grpc.ServicerContext) -> str:
    """Return the status that reports an accepted event."""
    return "success"


def failing(code: grpc.StatusCode, *, value: str = "") -> Behaviour:
    """Return a handler that fails all RPCs, or only those of events with this value."""

    def behaviour(request: Any, context: grpc.ServicerContext) -> str:
        if not value or request.value.string_value == value:
            context.abort(code, "for the test")
        return "success"

    return behaviour


@contextmanager
def weni_server() -> Iterator[WeniServer]:
    """Run a server."""
    server = WeniServer()
    try:
        yield server
    finally:
        server.stop()


def event_of(request: Any) -> LakeEvent:
    """Return the event in a request."""
    metadata = MessageToDict(request.metadata)
    return {
        "event_id": metadata.pop("event_id"),
        "event_name": request.event_name,
        "date": request.date.ToDatetime(tzinfo=UTC).isoformat(),
        "project": request.project,
        "contact_urn": request.contact_urn,
        "key": request.key,
        "value_type": {events_pb2.VALUE_TYPE_STRING: "string"}[request.value_type],
        "value": request.value.string_value,
        "metadata": metadata,
    }

"""Weni's data lake, over gRPC with the protocol of weni-datalake-sdk.

This client uses the SDK's generated messages and stub, but not its `send_event_data`. That function
has no deadline, opens a connection for each event without closing it, and reads the address from an
environment variable. A test checks that both send the same requests.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Self
from urllib.parse import SplitResult

import grpc
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from weni_datalake_sdk.clients import events_pb2, events_pb2_grpc

from apps.analytics.datalake.interface import DataLake, LakeEvent, Refused, lake_is_unavailable

# The time limit of one RPC.
DEADLINE_SECONDS = 10.0
PAUSES = (0.5, 1.0)

# The `status` in a reply. It can be an error although the gRPC call succeeded: the server of the
# lake replies "error" if its storage fails.
ACCEPTED = "success"
# What `_insert` returns for any other `status`.
NOT_ACCEPTED = "NOT_ACCEPTED"

ABOUT_THE_EVENT = frozenset({"INVALID_ARGUMENT", "OUT_OF_RANGE"})
ABOUT_THE_LAKE = frozenset(
    {
        "UNAVAILABLE",
        "DEADLINE_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "CANCELLED",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "UNIMPLEMENTED",
    }
)


class WeniDataLake(DataLake):
    """A data lake that takes one event per RPC. Each `send` opens one connection.

    The connection is not encrypted, as in the SDK: use it only inside a private network.

    A status in ABOUT_THE_EVENT means that the lake refuses the event. A status in ABOUT_THE_LAKE
    means that the lake is unavailable. Any other failure is undecided. If the lake accepts none of
    the call's events, it counts as unavailable. Otherwise the undecided events are sent again after
    each of PAUSES, and then refused.
    """

    # Each event is an RPC, and the server limits their rate. If a call fails, all of its events are
    # sent again, so a call should have few of them.
    max_batch_size = 25

    def __init__(
        self,
        *,
        target: str,
        deadline: float = DEADLINE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`target` is host:port. `deadline` is in seconds, and `sleep` takes seconds."""
        self._target = target
        self._deadline = deadline
        self._sleep = sleep

    @classmethod
    def at(cls, address: SplitResult) -> Self:
        """Return the lake at `weni://HOST:PORT`. Raise ValueError for any other address."""
        if not _is_host_and_port(address):
            raise ValueError(
                "must be weni:// with a host and a port, as in weni://datalake.internal:50051."
            )
        return cls(target=address.netloc)

    def send(self, events: Sequence[LakeEvent]) -> None:
        """See `DataLake.send`. The event id is sent as metadata, because no field exists for it."""
        if not events:
            return
        refused: dict[str, str] = {}
        with grpc.insecure_channel(f"dns:///{self._target}") as channel:
            stub = events_pb2_grpc.DatalakeManagerServiceStub(channel)
            undecided = self._send_each(stub, events, refused)
            taken = len(events) - len(undecided) - len(refused)
            if undecided and not taken:
                raise lake_is_unavailable(f"it accepts no events: {next(iter(undecided.values()))}")
            for pause in PAUSES:
                if undecided:
                    self._sleep(pause)
                    again = [event for event in events if event["event_id"] in undecided]
                    undecided = self._send_each(stub, again, refused)
        refused |= undecided
        if refused:
            raise Refused(refused)

    def _send_each(
        self, stub: Any, events: Sequence[LakeEvent], refused: dict[str, str]
    ) -> dict[str, str]:
        """Send each event; return the undecided failures, as a status for each event id.

        Adds refused events to `refused`. Raise Unavailable at the first status in ABOUT_THE_LAKE.
        """
        undecided: dict[str, str] = {}
        for event in events:
            answer = self._insert(stub, event)
            if answer in ABOUT_THE_LAKE:
                raise lake_is_unavailable(answer)
            if answer in ABOUT_THE_EVENT:
                refused[event["event_id"]] = answer
            elif answer != ACCEPTED:
                undecided[event["event_id"]] = answer
        return undecided

    def _insert(self, stub: Any, event: LakeEvent) -> str:
        """Send an event; return ACCEPTED, NOT_ACCEPTED or the name of gRPC's status."""
        try:
            request = _request(event)
        except (ValueError, OverflowError, TypeError):
            # The protocol cannot express this event.
            return "INVALID_ARGUMENT"
        try:
            reply = stub.InsertEventData(request, timeout=self._deadline)
        except grpc.RpcError as error:
            return str(error.code().name)
        return ACCEPTED if reply.status == ACCEPTED else NOT_ACCEPTED


def _is_host_and_port(address: SplitResult) -> bool:
    try:
        host_and_port = address.hostname and address.port and "@" not in address.netloc
    except ValueError:
        return False
    return bool(host_and_port) and not (address.path or address.query or address.fragment)


def _request(event: LakeEvent) -> Any:
    date = Timestamp()
    date.FromDatetime(datetime.fromisoformat(event["date"]))
    metadata = Struct()
    metadata.update({**event["metadata"], "event_id": event["event_id"]})
    return events_pb2.InsertEventRequest(
        event_name=event["event_name"],
        key=event["key"],
        date=date,
        project=event["project"],
        contact_urn=event["contact_urn"],
        value_type=events_pb2.VALUE_TYPE_STRING,
        value=events_pb2.ValueData(string_value=event["value"]),
        metadata=metadata,
    )

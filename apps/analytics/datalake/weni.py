"""Weni's data lake, over gRPC with the protocol of weni-datalake-sdk.

It uses the SDK's generated messages and stub, and not its `send_event_data`, which knows no
deadline, opens a connection for each event, never closes it, and takes its address from a variable
of its own. What is sent is the same; a test compares the two.
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

from apps.analytics.datalake.interface import LakeEvent, Refused, lake_is_unavailable

# What an RPC may take.
DEADLINE_SECONDS = 10.0
PAUSES = (0.5, 1.0)

# The lake's own server answers an exception of its storage with the status "error" in a reply that
# gRPC counts as a success.
ACCEPTED = "success"
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


class WeniDataLake:
    """Sends events one after the other, as the protocol has it, over one connection for a batch.

    The connection is not encrypted, as the SDK's is not: keep it inside a private network. Other
    failures than the two sets above may be about the event or about the lake. An event that fails
    so while the lake takes another is sent again a few times, then refused; if the lake takes none,
    it is unavailable.
    """

    # An RPC for each event, and the lake's server limits their rate. A small batch is what is sent
    # again if one fails.
    max_batch_size = 25

    def __init__(
        self,
        *,
        target: str,
        deadline: float = DEADLINE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`target` is host:port; `deadline` and what `sleep` takes are seconds."""
        self._target = target
        self._deadline = deadline
        self._sleep = sleep

    @classmethod
    def at(cls, address: SplitResult) -> Self:
        """The lake at `weni://HOST:PORT`. Raises ValueError for any other address."""
        if not _is_host_and_port(address):
            raise ValueError(
                "must be weni:// with a host and a port, as in weni://datalake.internal:50051."
            )
        return cls(target=address.netloc)

    def send(self, events: Sequence[LakeEvent]) -> None:
        """See `DataLake.send`. The event's id goes into its metadata: the protocol has no other."""
        if not events:
            return
        refused: dict[str, str] = {}
        with grpc.insecure_channel(f"dns:///{self._target}") as channel:
            stub = events_pb2_grpc.DatalakeManagerServiceStub(channel)
            undecided = self._send_each(stub, events, refused)
            taken = len(events) - len(undecided) - len(refused)
            if undecided and not taken:
                raise lake_is_unavailable(f"it takes no event: {next(iter(undecided.values()))}")
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
        """Adds to `refused`; gives those that failed for a reason that may pass, with that reason.

        Raises Unavailable at the first answer that is about the lake and not about the event.
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
        """One RPC, its outcome as one word: ACCEPTED, NOT_ACCEPTED or the name of gRPC's status."""
        try:
            request = _request(event)
        except (ValueError, OverflowError, TypeError):
            # The protocol cannot express it, so no server will ever see it.
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

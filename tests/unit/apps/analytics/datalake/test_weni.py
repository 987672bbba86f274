"""The client of Weni's data lake sends the same requests as the SDK, and handles all statuses."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from weni_datalake_sdk.clients import client as sdk
from weni_datalake_sdk.paths.events_path import EventPath

from apps.analytics.datalake import LakeEvent, Refused
from apps.analytics.datalake.weni import PAUSES, WeniDataLake
from apps.common.errors import Unavailable
from tests.support.lake_events import event_id, lake_event, values
from tests.support.lake_weni_server import WeniServer, accept, failing, weni_server

THREE = [lake_event(1), lake_event(2), lake_event(3)]


@pytest.fixture
def server() -> Iterator[WeniServer]:
    with weni_server() as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def lake(server: WeniServer, pauses: list[float]) -> WeniDataLake:
    return WeniDataLake(target=server.target, sleep=pauses.append)


def fail_to_store(value: str) -> Any:
    """Return a handler whose storage fails for one event, while gRPC's status is OK."""
    return lambda request, _context: "error" if request.value.string_value == value else "success"


@pytest.mark.parametrize(
    "event",
    [
        lake_event(1, value="olá 😕"),
        lake_event(2, value="", date="2026-11-23T09:00:00.5-03:00"),
        {**lake_event(3), "metadata": {"conversation_uuid": None, "agent_uuid": None}},
    ],
)
def test_the_request_equals_that_of_the_sdk(
    server: WeniServer, lake: WeniDataLake, event: LakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk, "SERVER_ADDRESS", server.target)
    metadata = {**event["metadata"], "event_id": event["event_id"]}

    status = sdk.send_event_data(EventPath, {**event, "metadata": metadata})
    lake.send([event])

    by_sdk, by_lake = server.taken
    assert status == "success"
    assert by_lake == by_sdk


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE], ids=str
)
def test_an_event_that_is_malformed_for_the_lake_is_refused_at_once(
    server: WeniServer, lake: WeniDataLake, pauses: list[float], code: grpc.StatusCode
) -> None:
    server.behaviour = failing(code, value="2")

    with pytest.raises(Refused) as refusal:
        lake.send(THREE)

    assert refusal.value.reasons == {event_id(2): code.name}
    assert server.calls == ["1", "2", "3"]
    assert pauses == []


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    ],
    ids=str,
)
def test_a_status_about_the_lake_makes_all_events_wait(
    server: WeniServer, lake: WeniDataLake, code: grpc.StatusCode
) -> None:
    server.behaviour = failing(code, value="2")

    with pytest.raises(Unavailable, match=f"The data lake is unavailable: {code.name}"):
        lake.send(THREE)

    assert server.calls == ["1", "2"]


@pytest.mark.parametrize("code", [grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL], ids=str)
def test_an_event_that_keeps_failing_while_others_succeed_is_refused(
    server: WeniServer, lake: WeniDataLake, pauses: list[float], code: grpc.StatusCode
) -> None:
    server.behaviour = failing(code, value="2")

    with pytest.raises(Refused) as refusal:
        lake.send(THREE)

    assert refusal.value.reasons == {event_id(2): code.name}
    assert server.calls == ["1", "2", "3", "2", "2"]
    assert pauses == list(PAUSES)


def test_a_status_other_than_success_is_a_failure(server: WeniServer, lake: WeniDataLake) -> None:
    server.behaviour = fail_to_store("2")

    with pytest.raises(Refused) as refusal:
        lake.send(THREE)

    assert refusal.value.reasons == {event_id(2): "NOT_ACCEPTED"}
    assert values(server.arrived()) == ["1", "3"]


def test_an_event_that_fails_once_is_delivered(server: WeniServer, lake: WeniDataLake) -> None:
    def fails_once(request: Any, context: grpc.ServicerContext) -> str:
        return "error" if server.calls.count("2") == 1 and server.calls[-1] == "2" else "success"

    server.behaviour = fails_once

    lake.send(THREE)

    assert values(server.arrived()) == ["1", "3", "2"]


def test_a_lake_that_accepts_no_events_is_unavailable(
    server: WeniServer, lake: WeniDataLake, pauses: list[float]
) -> None:
    server.behaviour = lambda _request, _context: "error"

    with pytest.raises(Unavailable, match="it accepts no events: NOT_ACCEPTED"):
        lake.send(THREE)

    assert pauses == []
    server.behaviour = accept
    lake.send(THREE)
    assert server.arrived() == THREE


def test_an_event_that_the_protocol_cannot_express_is_refused(
    server: WeniServer, lake: WeniDataLake
) -> None:
    events = [lake_event(1, value="half of an emoji: \ud83d"), lake_event(2)]

    with pytest.raises(Refused) as refusal:
        lake.send(events)

    assert refusal.value.reasons == {event_id(1): "INVALID_ARGUMENT"}
    assert server.calls == ["2"]


def test_a_server_that_never_answers_is_unavailable_after_the_deadline(
    server: WeniServer,
) -> None:
    def sleeps(_request: Any, _context: grpc.ServicerContext) -> str:
        time.sleep(0.5)
        return "success"

    server.behaviour = sleeps

    with pytest.raises(Unavailable, match="DEADLINE_EXCEEDED"):
        WeniDataLake(target=server.target, deadline=0.1).send(THREE)


def test_a_port_without_a_grpc_server_is_unavailable_after_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()

        with pytest.raises(Unavailable, match="DEADLINE_EXCEEDED"):
            WeniDataLake(target=f"127.0.0.1:{port}", deadline=0.2).send(THREE)

    assert time.monotonic() - started < 5

"""Each request ends within a bounded time. The tests use a real hub and real sockets."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kombu.asynchronous import Hub

from celery_sqs_fifo.aws import ca_bundle
from celery_sqs_fifo.consuming import http
from celery_sqs_fifo.consuming.http import HttpClient, Request, Response, Signature
from testbed.proxy import running_proxy

SIGNATURE = Signature(service="sqs", region="eu-west-1", access_key="key", secret_key="secret")


@dataclass
class Server:
    """Echoes requests. `/slow` answers after half a second, and `/error` with the status 503."""

    url: str = ""
    connections: set[tuple[str, int]] = field(default_factory=set)


@pytest.fixture
def server() -> Iterator[Server]:
    seen = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            seen.connections.add(self.client_address)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/slow":
                time.sleep(0.5)
            self.send_response(503 if self.path == "/error" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_arguments: object) -> None:
            """Log nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    httpd.block_on_close = False
    seen.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield seen
    httpd.shutdown()
    httpd.server_close()
    thread.join()


class Client:
    """A client on a hub, and the responses that arrived."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.http = HttpClient(hub=self.hub, ca_bundle=ca_bundle())
        self.responses: list[Response] = []

    def send(self, url: str, body: bytes = b"body") -> None:
        self.http.send(request(url, body), on_response=self.responses.append)

    def turn_until(self, condition: Callable[[], bool], *, seconds: float = 5) -> float:
        """Run the hub until the condition is true, and return how long that took."""
        begun_at = time.monotonic()
        while not condition():
            assert time.monotonic() < begun_at + seconds
            self.hub.run_once()
        return time.monotonic() - begun_at


def request(url: str, body: bytes = b"body") -> Request:
    return Request(url=url, headers={"Content-Type": "text/plain"}, body=body, signature=SIGNATURE)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    client = Client()
    yield client
    client.http.close()
    client.hub.close()


def test_an_answer_arrives_with_its_status(client: Client, server: Server) -> None:
    client.send(server.url)
    client.send(f"{server.url}/error")
    client.turn_until(lambda: len(client.responses) == 2)

    assert {one.status: one.body for one in client.responses} == {200: b"body", 503: b"body"}


def test_a_large_body_is_sent_and_received_whole(client: Client, server: Server) -> None:
    body = json.dumps(["x" * 100] * 20_000).encode()
    client.send(server.url, body)
    client.turn_until(lambda: bool(client.responses))

    assert client.responses == [Response(status=200, body=body)]


def test_a_connection_is_used_again(client: Client, server: Server) -> None:
    for number in range(1, 4):
        client.send(server.url)
        client.turn_until(lambda wanted=number: len(client.responses) == wanted)  # type: ignore[misc]

    assert len(server.connections) == 1


def test_more_requests_than_connections_are_all_answered(client: Client, server: Server) -> None:
    for _ in range(3 * http.MAX_CONNECTIONS):
        client.send(f"{server.url}/slow")
    client.turn_until(lambda: len(client.responses) == 3 * http.MAX_CONNECTIONS)

    assert {one.status for one in client.responses} == {200}


def test_a_callback_may_send_the_next_request(client: Client, server: Server) -> None:
    def send_again(response: Response) -> None:
        client.responses.append(response)
        if len(client.responses) < 50:
            client.http.send(request(server.url), on_response=send_again)

    client.http.send(request(server.url), on_response=send_again)

    client.turn_until(lambda: len(client.responses) == 50)


def test_requests_leave_no_timers_on_the_hub(client: Client, server: Server) -> None:
    timers = len(client.hub.timer)
    for number in range(1, 31):
        client.send(server.url)
        client.turn_until(lambda wanted=number: len(client.responses) == wanted)  # type: ignore[misc]

    assert len(client.hub.timer) == timers


def test_a_refused_connection_is_an_error(client: Client) -> None:
    client.send("http://127.0.0.1:1")
    client.turn_until(lambda: bool(client.responses))

    (response,) = client.responses
    assert (response.status, response.body) == (0, b"")
    assert response.reason == response.error != ""


def test_connections_to_a_peer_that_stops_responding_are_replaced(
    client: Client, server: Server
) -> None:
    with running_proxy(url=server.url) as proxy:
        for _ in range(3):
            client.send(f"{proxy.url(server.url)}/slow")
        client.turn_until(lambda: len(client.responses) == 3)
        proxy.lose_connections()
        client.send(proxy.url(server.url))
        seconds = client.turn_until(lambda: len(client.responses) == 4, seconds=12)
        assert client.responses[-1].error

        client.send(proxy.url(server.url))
        again = client.turn_until(lambda: len(client.responses) == 5)

    assert seconds > http.MAX_SILENT_SECONDS
    assert client.responses[-1].status == 200
    assert again < 2


def test_a_blocking_request_ends_within_its_time_limit(client: Client, server: Server) -> None:
    assert client.http.send_and_wait(request(server.url), max_seconds=2).status == 200
    with running_proxy(url=server.url) as proxy:
        proxy.swallow()
        begun_at = time.monotonic()
        response = client.http.send_and_wait(request(proxy.url(server.url)), max_seconds=0.5)

    assert response.error
    assert time.monotonic() - begun_at < 1.5


def test_closing_calls_no_callback_and_leaves_nothing_on_the_hub(server: Server) -> None:
    client = Client()
    client.send(f"{server.url}/slow")
    client.http.close()

    assert (client.hub.readers, client.hub.writers) == ({}, {})
    client.hub.run_once()
    assert client.responses == []
    client.hub.close()

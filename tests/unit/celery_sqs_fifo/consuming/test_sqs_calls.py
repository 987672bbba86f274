"""Every error of a call to SQS is passed on as a string. No error is raised in the event loop."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from celery_sqs_fifo.consuming.http import OnResponse, Request, Response, Signature
from celery_sqs_fifo.consuming.sqs_calls import Answer, Calls, LostAnswer
from tests.support.fake_loop import FakeLoop

SIGNATURE = Signature(service="sqs", region="eu-west-1", access_key="key", secret_key="secret")
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"


class Http:
    """An HTTP client that records requests. A test decides when it responds."""

    def __init__(self) -> None:
        self.sent: list[Request] = []
        self.callbacks: list[OnResponse] = []
        self.waited: list[float] = []
        self.next_response = Response(status=200, body=b"{}")
        self.fails_with: Exception | None = None
        self.takes = 0.0
        self.loop: FakeLoop | None = None
        self.is_closed = False

    def send(self, request: Request, *, on_response: OnResponse) -> None:
        """See celery_sqs_fifo.consuming.http."""
        self.sent.append(request)
        self.callbacks.append(on_response)

    def send_and_wait(self, request: Request, *, max_seconds: float) -> Response:
        """See celery_sqs_fifo.consuming.http."""
        if self.fails_with:
            raise self.fails_with
        self.waited.append(max_seconds)
        if self.loop:
            self.loop.now += min(self.takes, max_seconds)
        return self.next_response

    def close(self) -> None:
        """See celery_sqs_fifo.consuming.http."""
        self.is_closed = True


class Signs:
    """A signer that returns requests, or raises an error."""

    credentials_expire_at = 1_900_000_000.0

    def __init__(self) -> None:
        self.fails_with: Exception | None = None

    def request(self, action: str, parameters: Mapping[str, Any]) -> Request:
        """See celery_sqs_fifo.consuming.signing."""
        if self.fails_with:
            raise self.fails_with
        body = json.dumps(parameters).encode()
        return Request(
            url="https://sqs", headers={"X-Amz-Target": action}, body=body, signature=SIGNATURE
        )


class Asked:
    """A `Calls` object with fake collaborators, and the answers that arrived."""

    def __init__(self) -> None:
        self.http, self.signer, self.loop = Http(), Signs(), FakeLoop()
        self.calls = Calls(
            signer=self.signer,  # type: ignore[arg-type]
            http=self.http,  # type: ignore[arg-type]
            hub=self.loop,
        )
        self.answers: list[tuple[Answer, str | None]] = []

    def receive(self) -> None:
        self.calls("ReceiveMessage", queue_url=QUEUE_URL, when_done=self.note, WaitTimeSeconds=2)

    def note(self, answer: Answer, error: str | None) -> None:
        self.answers.append((answer, error))

    def respond(self, status: int, body: bytes | None, reason: str = "") -> None:
        response = Response(error=reason) if body is None else Response(status=status, body=body)
        self.http.callbacks.pop(0)(response)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def waiting(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A `Calls` object that blocks until each answer arrives, as at shutdown."""
    monkeypatch.setattr("celery_sqs_fifo.consuming.sqs_calls.monotonic", asked.loop.monotonic)
    asked.http.loop = asked.loop
    asked.calls.wait = True
    return asked


def aws_error(code: str) -> bytes:
    return json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "no"}).encode()


def test_a_call_does_not_block_and_its_answer_is_passed_to_a_callback(asked: Asked) -> None:
    asked.receive()
    (request,) = asked.http.sent
    assert json.loads(request.body) == {"WaitTimeSeconds": 2, "QueueUrl": QUEUE_URL}
    assert (asked.answers, asked.calls.open) == ([], 1)

    asked.respond(200, b'{"Messages": []}')
    assert (asked.answers, asked.calls.open) == ([({"Messages": []}, None)], 0)


@pytest.mark.parametrize(
    ("status", "body", "reason", "error"),
    [
        (400, aws_error("QueueDoesNotExist"), "", "HTTP 400 QueueDoesNotExist"),
        (403, aws_error("AccessDenied"), "Forbidden", "HTTP 403 AccessDenied"),
        (400, b'{"__type": "ThrottlingException"}', "", "HTTP 400 ThrottlingException"),
        (500, b"<html>oops</html>", "", "HTTP 500 Internal Server Error"),
        (503, b"", "", "HTTP 503 Service Unavailable"),
        (503, b"[]", "", "HTTP 503 Service Unavailable"),
        (502, b'{"message": "no type"}', "Bad Gateway", "HTTP 502 Bad Gateway"),
        (502, b"\xff\xfe", "Bad Gateway", "HTTP 502 Bad Gateway"),
        (0, None, "Connection refused", "Connection refused"),
    ],
)
def test_an_error_of_sqs_or_of_the_network_becomes_a_string(
    asked: Asked, status: int, body: bytes | None, reason: str, error: str
) -> None:
    asked.receive()
    asked.respond(status, body, reason)

    assert asked.answers == [({}, error)]
    assert asked.calls.open == 0


@pytest.mark.parametrize(
    "body",
    [
        b"<html>a proxy's page</html>",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"[" * 100_000,
    ],
    ids=["html", "half an object", "no text", "null", "a list", "a string", "deeply nested"],
)
def test_an_answer_that_is_garbage_becomes_a_string(asked: Asked, body: bytes) -> None:
    asked.receive()
    asked.respond(200, body)

    ((answer, error),) = asked.answers
    assert answer == {}
    assert error
    assert asked.calls.open == 0


def test_an_error_with_a_deeply_nested_body_becomes_a_string(asked: Asked) -> None:
    asked.receive()
    asked.respond(500, b"[" * 100_000)

    assert asked.answers == [({}, "HTTP 500 Internal Server Error")]


@pytest.mark.parametrize("error", [NoCredentialsError(), KeyError("region"), OSError("no file")])
def test_an_error_while_a_request_is_signed_becomes_a_string_at_the_loops_next_turn(
    asked: Asked, error: Exception
) -> None:
    asked.signer.fails_with = error
    asked.receive()
    assert (asked.answers, asked.calls.open) == ([], 0)

    asked.loop.run_once()
    assert asked.answers == [({}, type(error).__name__)]


def test_an_error_of_the_callback_is_logged_and_not_raised(
    asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(answer: Answer, error: str | None) -> None:
        raise RuntimeError

    asked.calls("ReceiveMessage", queue_url=QUEUE_URL, when_done=fails)
    asked.respond(200, b"{}")

    (record,) = caplog.records
    assert (record.levelno, record.message) == (
        logging.ERROR,
        "sqs_response_failed",
    )
    assert asked.calls.open == 0


def test_calls_are_counted_by_action(asked: Asked) -> None:
    asked.receive()
    asked.receive()
    asked.calls("DeleteMessageBatch", queue_url=QUEUE_URL, when_done=asked.note, Entries=[])

    assert asked.calls.counts == {"ReceiveMessage": 2, "DeleteMessageBatch": 1}
    assert asked.calls.open == 3


def test_the_errors_of_the_latest_calls_are_known_by_action(asked: Asked) -> None:
    refused = {"Failed": [{"Id": "0", "Code": "AWS.SimpleQueueService.AccessDenied"}]}
    too_late = {"Failed": [{"Id": "0", "Code": "ReceiptHandleIsInvalid"}]}
    for action in ("ReceiveMessage", "SendMessage", "DeleteMessageBatch", "ListQueues"):
        asked.calls(action, queue_url=QUEUE_URL, when_done=asked.note)
    asked.respond(403, aws_error("ExpiredToken"))
    asked.respond(0, None, "timed out")
    asked.respond(200, json.dumps(refused).encode())
    asked.respond(200, json.dumps(too_late).encode())

    assert asked.calls.failing == {
        "ReceiveMessage": "HTTP 403 ExpiredToken",
        "SendMessage": "timed out",
        "DeleteMessageBatch": "AccessDenied",
    }

    asked.receive()
    asked.respond(200, b"{}")
    assert asked.calls.failing.keys() == {"SendMessage", "DeleteMessageBatch"}


@pytest.mark.parametrize(
    ("status", "body", "is_lost"),
    [
        (0, None, True),
        (500, b"", True),
        (503, aws_error("ServiceUnavailable"), True),
        (200, b"<html>", True),
        (400, aws_error("QueueDoesNotExist"), False),
        (403, aws_error("ExpiredToken"), False),
    ],
)
def test_an_answer_counts_as_lost_if_the_call_may_have_taken_effect(
    asked: Asked, status: int, body: bytes | None, is_lost: bool
) -> None:
    asked.receive()
    asked.respond(status, body, "Operation timed out")

    ((_answer, error),) = asked.answers
    assert isinstance(error, LostAnswer) is is_lost


def test_at_shutdown_a_call_waits_for_its_answer(waiting: Asked) -> None:
    waiting.http.next_response = Response(status=200, body=b'{"Successful": [{"Id": "0"}]}')
    waiting.receive()

    assert waiting.answers == [({"Successful": [{"Id": "0"}]}, None)]
    assert (waiting.http.sent, waiting.calls.open) == ([], 0)
    assert waiting.calls.counts == {"ReceiveMessage": 1}


def test_at_shutdown_an_error_of_sqs_becomes_a_string(waiting: Asked) -> None:
    waiting.http.next_response = Response(status=403, body=aws_error("AccessDenied"))
    waiting.receive()

    assert waiting.answers == [({}, "HTTP 403 AccessDenied")]


@pytest.mark.parametrize(
    "error",
    [NoCredentialsError(), OSError("no file"), KeyError()],
    ids=lambda error: type(error).__name__,
)
def test_at_shutdown_any_other_error_becomes_a_string(waiting: Asked, error: Exception) -> None:
    waiting.http.fails_with = error
    waiting.receive()

    assert waiting.answers == [({}, type(error).__name__)]


def test_at_shutdown_all_calls_together_wait_for_ten_seconds_at_most(waiting: Asked) -> None:
    waiting.http.takes = 60
    waiting.http.next_response = Response(error="Operation timed out")
    for _ in range(20):
        waiting.receive()

    assert waiting.http.waited == [5, 5]
    assert [error for _, error in waiting.answers] == [
        *["Operation timed out"] * 2,
        *["no time left before the end"] * 18,
    ]


def test_at_shutdown_calls_that_are_answered_spend_only_their_own_time(waiting: Asked) -> None:
    waiting.http.takes = 0.1
    for _ in range(90):
        waiting.receive()

    assert {error for _, error in waiting.answers} == {None}


def test_closing_at_shutdown_ends_what_is_open(
    waiting: Asked,
) -> None:
    waiting.calls.close()

    assert waiting.http.is_closed


def test_open_calls_are_not_dropped_while_the_worker_runs(asked: Asked) -> None:
    asked.receive()
    asked.calls.close()
    asked.respond(200, b"{}")

    assert not asked.http.is_closed
    assert asked.answers == [({}, None)]


def test_without_a_loop_calls_wait_from_the_start() -> None:
    calls = Calls(signer=Signs(), http=Http(), hub=None)  # type: ignore[arg-type]

    assert calls.wait is True

"""The control interface of the model of SQS (faults, clock and log), and its process."""

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from testbed.sqs import SqsServer, running_sqs_server

PROJECT_ROOT = Path(__file__).resolve().parents[2]
QUEUE = "q.fifo"


@pytest.fixture(scope="module")
def server() -> Iterator[SqsServer]:
    with running_sqs_server() as server:
        yield server


@pytest.fixture
def sqs(server: SqsServer) -> Iterator[Any]:
    """A client, with a new queue and an empty log."""
    client = client_of(server.url)
    client.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})
    server.reset_calls()
    yield client
    server.clear_faults()
    server.restore(queue=QUEUE)
    client.delete_queue(QueueUrl=server.queue_url(QUEUE))
    server.advance_clock(seconds=300)


@cache
def client_of(url: str) -> Any:
    """Return a client of a server. It is cached, because creating one takes long."""
    return boto3.client(
        "sqs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=0.5),
    )


def send(sqs: Any, server: SqsServer, body: str) -> Any:
    return sqs.send_message(
        QueueUrl=server.queue_url(QUEUE),
        MessageBody=body,
        MessageGroupId=body[0],
        MessageDeduplicationId=body,
    )


def receive(sqs: Any, server: SqsServer, **parameters: Any) -> list[Any]:
    answer = sqs.receive_message(
        QueueUrl=server.queue_url(QUEUE), MaxNumberOfMessages=10, **parameters
    )
    return list(answer.get("Messages", []))


def bodies(messages: list[Any]) -> list[str]:
    return [message["Body"] for message in messages]


def error_of(action: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        action()
    response: Any = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_dropped_call_gets_no_answer_and_has_no_effect(server: SqsServer, sqs: Any) -> None:
    server.drop(count=1, actions=["SendMessage"])
    assert receive(sqs, server) == []
    with pytest.raises(ConnectionClosedError):
        send(sqs, server, "a1")
    assert receive(sqs, server) == []
    send(sqs, server, "a2")
    assert bodies(receive(sqs, server)) == ["a2"]


def test_a_call_whose_answer_was_lost_has_taken_effect(server: SqsServer, sqs: Any) -> None:
    server.lose_answers(count=1)
    with pytest.raises(ConnectionClosedError):
        send(sqs, server, "a1")
    assert bodies(receive(sqs, server)) == ["a1"]


def test_a_call_that_hangs_exceeds_the_timeout_of_its_caller(server: SqsServer, sqs: Any) -> None:
    server.hang(seconds=30, count=1)
    with pytest.raises(ReadTimeoutError):
        send(sqs, server, "a1")
    assert receive(sqs, server) == []


def test_a_hang_ends_with_a_closed_connection(server: SqsServer, sqs: Any) -> None:
    server.hang(seconds=0.2, count=1)
    begin = time.monotonic()
    with pytest.raises(ConnectionClosedError):
        receive(sqs, server)
    assert 0.2 <= time.monotonic() - begin < 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (400, "ThrottlingException"),
        (403, "RequestThrottled"),
        (403, "ExpiredToken"),
    ],
)
def test_a_call_is_answered_with_the_requested_error(
    server: SqsServer, sqs: Any, status: int, code: str
) -> None:
    server.fail(status=status, code=code, count=1)
    assert error_of(lambda: send(sqs, server, "a1")) == (code, status)
    assert receive(sqs, server) == []


def test_a_fault_with_a_duration_ends_by_itself(server: SqsServer, sqs: Any) -> None:
    server.fail(status=500, code="InternalError", duration=0.3)
    for _ in range(2):
        assert error_of(lambda: receive(sqs, server)) == ("InternalError", 500)
    time.sleep(0.4)
    assert receive(sqs, server) == []


def test_entries_of_a_batch_can_fail_alone(server: SqsServer, sqs: Any) -> None:
    send(sqs, server, "a1")
    (message,) = receive(sqs, server)
    server.fail_entries(status=500, code="InternalError", count=1)

    def delete() -> Any:
        return sqs.delete_message_batch(
            QueueUrl=server.queue_url(QUEUE),
            Entries=[{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}],
        )

    (failed,) = delete()["Failed"]
    assert (failed["Code"], failed["SenderFault"]) == ("InternalError", False)
    assert [entry["Id"] for entry in delete()["Successful"]] == ["0"]


def test_connections_are_refused_for_the_requested_time(server: SqsServer, sqs: Any) -> None:
    send(sqs, server, "a1")
    server.refuse_connections(seconds=0.4)
    begin = time.monotonic()
    with pytest.raises(EndpointConnectionError):
        receive(sqs, server)
    while time.monotonic() < begin + 5:
        try:
            assert bodies(receive(sqs, server)) == ["a1"]
            break
        except EndpointConnectionError:
            time.sleep(0.05)
    assert 0.3 < time.monotonic() - begin < 2


def test_refused_connections_are_accepted_when_the_faults_are_cleared(
    server: SqsServer, sqs: Any
) -> None:
    server.refuse_connections()
    with pytest.raises(EndpointConnectionError):
        receive(sqs, server)
    server.clear_faults()
    assert receive(sqs, server) == []


def test_the_end_of_an_older_refusal_does_not_end_a_newer_refusal(
    server: SqsServer, sqs: Any
) -> None:
    server.refuse_connections(seconds=0.2)
    server.clear_faults()
    server.refuse_connections()
    time.sleep(0.4)
    with pytest.raises(EndpointConnectionError):
        receive(sqs, server)


def test_refusing_connections_ends_open_long_polls(server: SqsServer, sqs: Any) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        poll = pool.submit(receive, client_of(server.url), server, WaitTimeSeconds=10)
        time.sleep(0.2)
        server.refuse_connections()
        with pytest.raises(ConnectionClosedError):
            poll.result(timeout=2)


def test_a_poll_whose_caller_has_disconnected_still_receives_messages(
    server: SqsServer, sqs: Any
) -> None:
    with pytest.raises(ReadTimeoutError):
        receive(sqs, server, WaitTimeSeconds=5)
    send(sqs, server, "a1")
    assert receive(sqs, server) == []
    assert server.expire_leases(queue=QUEUE) == 1
    assert bodies(receive(sqs, server)) == ["a1"]


def test_duplicates_are_delivered_on_demand(server: SqsServer, sqs: Any) -> None:
    send(sqs, server, "a1")
    server.deliver_duplicates(count=1)
    (first,) = receive(sqs, server)
    (again,) = receive(sqs, server)
    assert again["MessageId"] == first["MessageId"]
    assert again["ReceiptHandle"] != first["ReceiptHandle"]
    assert receive(sqs, server) == []
    results = [entry.result for call in server.calls() for entry in call.entries]
    assert results == ["sent", "received", "received again"]


def test_a_hidden_queue_comes_back_with_its_messages(server: SqsServer, sqs: Any) -> None:
    send(sqs, server, "a1")
    server.vanish(queue=QUEUE)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        receive(sqs, server)
    server.restore(queue=QUEUE)
    assert bodies(receive(sqs, server)) == ["a1"]
    server.vanish(queue=QUEUE, seconds=10)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        receive(sqs, server)
    server.advance_clock(seconds=10)
    assert receive(sqs, server) == []


def test_a_long_poll_ends_when_its_queue_vanishes(server: SqsServer, sqs: Any) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        poll = pool.submit(receive, client_of(server.url), server, WaitTimeSeconds=10)
        time.sleep(0.2)
        server.vanish(queue=QUEUE)
        with pytest.raises(sqs.exceptions.QueueDoesNotExist):
            poll.result(timeout=0.8)


def test_the_clock_can_be_moved_forward_and_not_back(server: SqsServer, sqs: Any) -> None:
    send(sqs, server, "a1")
    receive(sqs, server)
    server.advance_clock(seconds=31)
    assert bodies(receive(sqs, server)) == ["a1"]
    with pytest.raises(ValueError, match="only goes forward"):
        server.advance_clock(seconds=-1)


def test_every_call_is_logged_with_the_result_for_each_message(server: SqsServer, sqs: Any) -> None:
    sent = send(sqs, server, "a1")
    send(sqs, server, "a1")
    (message,) = receive(sqs, server)
    entries = [
        {"Id": id_, "ReceiptHandle": handle}
        for id_, handle in (("0", message["ReceiptHandle"]), ("1", "garbage"))
    ]
    server.drop(count=1)
    for _ in range(2):
        try:
            sqs.delete_message_batch(QueueUrl=server.queue_url(QUEUE), Entries=entries)
        except ConnectionClosedError:
            continue
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.purge_queue(QueueUrl=server.queue_url("absent.fifo"))

    calls = server.calls()
    assert [(call.action, call.queue, call.result, call.fault) for call in calls] == [
        ("SendMessage", QUEUE, "ok", None),
        ("SendMessage", QUEUE, "ok", None),
        ("ReceiveMessage", QUEUE, "ok", None),
        ("DeleteMessageBatch", QUEUE, "no answer", "drop"),
        ("DeleteMessageBatch", QUEUE, "ok", None),
        ("PurgeQueue", "absent.fifo", "QueueDoesNotExist", None),
    ]
    message_id, sequence = sent["MessageId"], int(sent["SequenceNumber"])
    assert [list(map(tuple, call.entries)) for call in calls] == [
        [(message_id, "a", sequence, "sent")],
        [(message_id, "a", sequence, "duplicate")],
        [(message_id, "a", sequence, "received")],
        [],
        [(message_id, "a", sequence, "deleted"), (None, None, None, "ReceiptHandleIsInvalid")],
        [],
    ]
    times = [call.time for call in calls]
    assert times == sorted(times)
    assert server.calls(action="ReceiveMessage") == [calls[2]]
    assert server.call_counts() == {
        "SendMessage": 2,
        "ReceiveMessage": 1,
        "DeleteMessageBatch": 2,
        "PurgeQueue": 1,
    }
    server.reset_calls()
    assert (server.calls(), server.call_counts()) == ([], {})


def test_a_delete_that_comes_too_late_is_logged_with_its_message(
    server: SqsServer, sqs: Any
) -> None:
    sent = send(sqs, server, "a1")
    (message,) = receive(sqs, server)
    server.expire_leases(queue=QUEUE)
    sqs.delete_message_batch(
        QueueUrl=server.queue_url(QUEUE),
        Entries=[{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}],
    )
    (call,) = server.calls(action="DeleteMessageBatch")
    assert call.entries[0].message_id == sent["MessageId"]
    assert call.entries[0].result == "InvalidParameterValue"


def test_wrong_requests_of_the_control_interface_are_refused(server: SqsServer, sqs: Any) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        server.vanish(queue="absent.fifo")
    connection = http.client.HTTPConnection(urlsplit(server.control_url).netloc, timeout=5)
    connection.request("GET", "/earthquake")
    assert connection.getresponse().status == http.client.NOT_FOUND
    connection.close()


def test_the_server_waits_for_a_body_that_its_caller_announces(server: SqsServer, sqs: Any) -> None:
    """pycurl, which kombu's own SQS transport uses, sends `Expect: 100-continue`."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    body = json.dumps({"QueueName": QUEUE}).encode()
    connection.putrequest("POST", "/")
    for name, value in {
        "Content-Length": str(len(body)),
        "Expect": "100-continue",
        "X-Amz-Target": "AmazonSQS.GetQueueUrl",
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(body)
    response = connection.getresponse()
    assert json.loads(response.read()) == {"QueueUrl": server.queue_url(QUEUE)}
    connection.close()


def test_the_address_of_a_queue_has_the_host_name_that_the_caller_used(
    server: SqsServer, sqs: Any
) -> None:
    """Containers and their host use different names of the server."""
    for action in ("CreateQueue", "GetQueueUrl", "ListQueues"):
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
        request = {
            "QueueName": QUEUE,
            "QueueNamePrefix": QUEUE,
            "Attributes": {"FifoQueue": "true"},
        }
        headers = {"Host": "sqs:9324", "X-Amz-Target": f"AmazonSQS.{action}"}
        connection.request("POST", "/", json.dumps(request), headers)
        assert f'"http://sqs:9324/123456789012/{QUEUE}"' in connection.getresponse().read().decode()
        connection.close()


def test_there_is_no_control_interface_unless_requested() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "testbed.sqs"], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            (url,) = process.stdout.readline().split()
            connections = psutil.Process(process.pid).net_connections(kind="inet")
            listening = [one.laddr for one in connections if one.status == psutil.CONN_LISTEN]
        finally:
            process.kill()
    assert [f"http://{address.ip}:{address.port}" for address in listening] == [url]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_writes_its_addresses_and_ends_after_a_signal(
    number: signal.Signals,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "testbed.sqs", "--port", "0", "--greedy"],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            output = end_during_a_long_poll(process, number)
        finally:
            process.kill()
    assert (process.returncode, output) == (0, "")


def end_during_a_long_poll(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """Send a signal to a server during a long poll. Return its output after the addresses."""
    assert process.stdout is not None
    sqs = client_of(process.stdout.readline().split()[0])
    sqs.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})
    queue_url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    with ThreadPoolExecutor(max_workers=1) as pool:
        poll = pool.submit(sqs.receive_message, QueueUrl=queue_url, WaitTimeSeconds=20)
        time.sleep(0.2)
        process.send_signal(number)
        with pytest.raises(ConnectionClosedError):
            poll.result(timeout=5)
    output, _ = process.communicate(timeout=5)
    return output

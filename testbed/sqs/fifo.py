"""A FIFO queue on an SQS server, used through boto3."""

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from testbed.sqs.client import SqsServer


class Fifo:
    """A new FIFO queue on the strict server, or on moto if `server` is None."""

    def __init__(self, *, client: Any, server: SqsServer | None, **attributes: str) -> None:
        self.client = client
        self.server = server
        self.name = f"{uuid.uuid4().hex}.fifo"
        self.url: str = client.create_queue(
            QueueName=self.name, Attributes={"FifoQueue": "true", **attributes}
        )["QueueUrl"]

    def another(self, **attributes: str) -> "Fifo":
        """Create another queue on the same server."""
        return Fifo(client=self.client, server=self.server, **attributes)

    def send(self, body: str, **parameters: Any) -> Any:
        """Send a body. By default, its first letter is the group."""
        given = {"MessageGroupId": body[0], "MessageDeduplicationId": uuid.uuid4().hex}
        return self.client.send_message(
            QueueUrl=self.url, MessageBody=body, **{**given, **parameters}
        )

    def receive(self, limit: int = 10, **parameters: Any) -> list[Any]:
        """Return the messages of one receive, in the form of ReceiveMessage."""
        answer = self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=limit,
            **{"AttributeNames": ["All"], "MessageAttributeNames": ["All"], **parameters},
        )
        return list(answer.get("Messages", []))

    def received(self, limit: int = 10, **parameters: Any) -> list[str]:
        """Return the bodies of one receive."""
        return [message["Body"] for message in self.receive(limit, **parameters)]

    def delete(self, message: Any) -> None:
        """Delete a received message."""
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def change(self, message: Any, *, timeout: int) -> None:
        """Change the visibility timeout of a received message, in seconds."""
        self.client.change_message_visibility(
            QueueUrl=self.url,
            ReceiptHandle=message["ReceiptHandle"],
            VisibilityTimeout=timeout,
        )

    def attributes(self, *names: str) -> dict[str, str]:
        """Return these attributes of the queue."""
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names))
        return dict(answer["Attributes"])

    def pass_time(self, *, seconds: float) -> None:
        """Let time pass: on the strict server by its clock, on moto by waiting."""
        if self.server is None:
            time.sleep(seconds)
        else:
            self.server.advance_clock(seconds=seconds)


@cache
def client_of(url: str) -> Any:
    """Return a client of this server. It is cached, because creating one takes long."""
    return boto3.client(
        "sqs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def error_code(action: Callable[[], object]) -> str:
    """Return the code of the error that the action raises."""
    with pytest.raises(ClientError) as error:
        action()
    return str(error.value.response["Error"]["Code"]).removeprefix("AWS.SimpleQueueService.")


def while_waiting(queue: Fifo, action: Callable[[], object]) -> tuple[list[str], float]:
    """Run an action during a long poll. Return the poll's bodies and its duration in seconds."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        poll = pool.submit(queue.received, WaitTimeSeconds=10)
        time.sleep(0.15)
        begin = time.monotonic()
        action()
        return poll.result(), time.monotonic() - begin

"""The events of a receive, processed by a Lambda handler with Powertools for AWS Lambda.

AWS's own poller receives up to ten messages, calls the handler, and deletes the messages that are
not among the failures that it returns. Here the bare loop does that.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from bench.event_cost.items import item_of, process
from celery_sqs_fifo import Place

_PROCESSOR = SqsFifoPartialProcessor()


def in_lambda(messages: Sequence[Any]) -> None:
    """Process messages with the handler. Raises RuntimeError if it returns failures."""
    answer = lambda_handler({"Records": list(map(_record, messages))}, SimpleNamespace())
    if answer["batchItemFailures"]:
        raise RuntimeError(f"the handler failed for {answer['batchItemFailures']}")


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """Process the records of an event one by one, as the documentation of Powertools shows.

    Source: https://docs.aws.amazon.com/powertools/python/latest/utilities/batch/
    """
    return process_partial_response(
        event=event, record_handler=_handle, processor=_PROCESSOR, context=context
    )


def _handle(record: SQSRecord) -> None:
    system = record.attributes
    place = Place(int(system.sent_timestamp), int(system.sequence_number), system.message_group_id)
    process(item_of(body=record.body, place=place))


def _record(message: Any) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
    }

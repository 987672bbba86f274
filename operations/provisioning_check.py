"""What `manage.py provision` would create or change in AWS, without doing it.

The functions yield a sentence for each difference. Like those of `operations.provisioning`, they
raise Refused for what cannot be changed.
"""

from collections.abc import Iterator

from django.conf import settings

from apps.common import aws
from apps.messages import message_table
from operations.aws_refusals import explaining_refusals
from operations.provisioning import (
    expiry_is_on,
    find_queue,
    redrive_policy,
    table_exists,
    wanted_attributes,
)


def queue_differences() -> Iterator[str]:
    """Yield what differs on both queues.

    Without a dead-letter queue, the redrive policy is not compared.
    """
    sqs = aws.sqs_client()
    wanted = wanted_attributes()
    for url in (settings.SQS_CONVERSATION_DLQ_URL, settings.SQS_CONVERSATION_QUEUE_URL):
        name = aws.queue_name(url)
        with explaining_refusals(service="sqs", resource=name):
            found = find_queue(sqs, name)
        if found is None:
            yield f"{name} is missing."
            continue
        for attribute, value in found.different(wanted).items():
            is_now = found.attributes.get(attribute, "not set")
            yield f"{name}: {attribute} is {is_now}, and should be {value}."
        wanted |= redrive_policy(found.attributes["QueueArn"])


def table_differences() -> Iterator[str]:
    """Yield what differs on the table."""
    dynamodb = aws.dynamodb_client()
    table = settings.DYNAMODB_MESSAGE_TABLE
    with explaining_refusals(service="dynamodb", resource=table):
        exists = table_exists(dynamodb, table)
        is_complete = exists and expiry_is_on(dynamodb, table)
    if not exists:
        yield f"{table} is missing."
    elif not is_complete:
        yield (
            f"{table}: its expiry is off, and should be on with the attribute "
            f"{message_table.EXPIRY}."
        )

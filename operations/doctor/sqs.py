"""The events' queue and its dead-letter queue."""

import json
from collections.abc import Iterator, Mapping

from django.conf import settings

from apps.common.aws import queue_name
from operations.doctor.aws import Kind, Reply, Service, trouble
from operations.doctor.findings import Finding, error, ok, skipped, warning
from operations.doctor.permissions import Probe, check_permissions
from operations.doctor.queue_attributes import (
    PROVISION,
    check_attributes,
    names_of_checks,
)
from operations.provisioning import MAX_RECEIVE_COUNT

QUEUE = "sqs.queue"
DEAD_LETTERS = "sqs.dlq"
REDRIVE = "sqs.queue.redrive"

# With which SQS refuses a call for its parameters (SQS API Reference).
BAD_PARAMETERS = frozenset(
    {
        "InvalidMessageContents",
        "InvalidParameterValue",
        "InvalidParameterValueException",
        "MissingParameter",
        "MissingRequiredParameterException",
        "ReceiptHandleIsInvalid",
    }
)
NO_RECEIPT = "doctor"


def check() -> Iterator[Finding]:
    """Attributes of both queues, the redrive policy, and the worker's permissions.

    No message is received, sent, hidden or deleted.
    """
    service = Service("sqs", region=settings.SQS_CONVERSATION_REGION)
    probes = _probes()
    queue = _attributes(service, settings.SQS_CONVERSATION_QUEUE_URL)
    if queue.ends_all:
        yield _not_read(QUEUE, queue, setting="SQS_CONVERSATION_QUEUE_URL")
        names = [*names_of_checks(QUEUE), REDRIVE, DEAD_LETTERS, *names_of_checks(DEAD_LETTERS)]
        for name in [*names, *(probe.check for probe in probes)]:
            yield skipped(name, f"Not asked: see {QUEUE}.")
        return
    dead_letters = _attributes(service, settings.SQS_CONVERSATION_DLQ_URL)
    yield from _queue(QUEUE, queue, setting="SQS_CONVERSATION_QUEUE_URL")
    yield _redrive(queue, dead_letters)
    yield from _queue(DEAD_LETTERS, dead_letters, setting="SQS_CONVERSATION_DLQ_URL")
    yield from check_permissions(service, probes)


def _attributes(service: Service, url: str) -> Reply:
    return service.ask("get_queue_attributes", QueueUrl=url, AttributeNames=["All"])


def _queue(check: str, reply: Reply, *, setting: str) -> Iterator[Finding]:
    if reply.kind is not Kind.DONE:
        yield _not_read(check, reply, setting=setting)
        for name in names_of_checks(check):
            yield skipped(name, f"Not read: see {check}.")
        return
    yield ok(check, f"{queue_name(getattr(settings, setting))} is there.")
    yield from check_attributes(check, _found(reply), setting=setting)


def _not_read(check: str, reply: Reply, *, setting: str) -> Finding:
    name = queue_name(getattr(settings, setting))
    if reply.kind is Kind.MISSING:
        return error(
            check,
            f"There is no queue {name}.",
            f"Correct {setting}, or run: python manage.py provision",
        )
    if reply.kind is Kind.NOT_ALLOWED:
        return warning(
            check,
            f"The attributes of {name} cannot be read: sqs:GetQueueAttributes is not allowed. "
            "The worker does not need it.",
            "Run this also with the credentials that run manage.py provision.",
        )
    return trouble(
        check,
        reply,
        service="SQS",
        settings=f"{setting}, SQS_CONVERSATION_REGION and AWS_ENDPOINT_URL_SQS",
    )


def _found(reply: Reply) -> Mapping[str, str]:
    attributes: Mapping[str, str] = reply.content.get("Attributes", {})
    return attributes


def _redrive(queue: Reply, dead_letters: Reply) -> Finding:
    if queue.kind is not Kind.DONE:
        return skipped(REDRIVE, f"Not read: see {QUEUE}.")
    policy = json.loads(_found(queue).get("RedrivePolicy") or "{}")
    if not policy:
        return error(
            REDRIVE,
            "There is no redrive policy, the last resort for an event that kills every worker.",
            PROVISION,
        )
    if dead_letters.kind is not Kind.DONE:
        return skipped(REDRIVE, f"Where it points to cannot be compared: see {DEAD_LETTERS}.")
    target, count = str(policy.get("deadLetterTargetArn")), int(policy.get("maxReceiveCount", 0))
    if target != _found(dead_letters).get("QueueArn"):
        return error(
            REDRIVE,
            f"It points to {target.rpartition(':')[2]}, which is not the queue of "
            "SQS_CONVERSATION_DLQ_URL.",
            "Correct SQS_CONVERSATION_DLQ_URL, or run: python manage.py provision",
        )
    if count < MAX_RECEIVE_COUNT:
        return error(
            REDRIVE,
            f"SQS takes an event away after {count} receipts, not {MAX_RECEIVE_COUNT}: also one "
            "that only waits for a dependency, and out of its order.",
            PROVISION,
        )
    if count > MAX_RECEIVE_COUNT:
        return warning(
            REDRIVE, f"An event stays for {count} receipts, not {MAX_RECEIVE_COUNT}.", PROVISION
        )
    return ok(REDRIVE, f"After {count} receipts to {target.rpartition(':')[2]}.")


def _probes() -> list[Probe]:
    """What a worker may do with the queues: each call is refused for its parameters.

    Receiving asks for no message, which raises no receive count. Deleting and hiding name a receipt
    that no queue gave. Sending has three faults, so that it is refused by any kind of queue: a
    body of a character that SQS does not take, no group, and a delay above 900 seconds.
    """
    urls = {
        "queue": settings.SQS_CONVERSATION_QUEUE_URL,
        "dlq": settings.SQS_CONVERSATION_DLQ_URL,
    }
    unsendable = {"MessageBody": "\0", "DelaySeconds": 901}
    return [
        Probe(
            check=f"sqs.{key}.may_{word}",
            permission=f"sqs:{permission}",
            resource=queue_name(urls[key]),
            action=action,
            parameters={"QueueUrl": urls[key], **parameters},
            expected=BAD_PARAMETERS,
        )
        for key, word, permission, action, parameters in (
            ("queue", "receive", "ReceiveMessage", "receive_message", {"MaxNumberOfMessages": 0}),
            ("queue", "delete", "DeleteMessage", "delete_message", {"ReceiptHandle": NO_RECEIPT}),
            (
                "queue",
                "hide",
                "ChangeMessageVisibility",
                "change_message_visibility",
                {"ReceiptHandle": NO_RECEIPT, "VisibilityTimeout": 0},
            ),
            ("queue", "send", "SendMessage", "send_message", unsendable),
            ("dlq", "send", "SendMessage", "send_message", unsendable),
            # It collects dead letters.
            ("dlq", "receive", "ReceiveMessage", "receive_message", {"MaxNumberOfMessages": 0}),
            ("dlq", "delete", "DeleteMessage", "delete_message", {"ReceiptHandle": NO_RECEIPT}),
        )
    ]

"""Checks the events' queue and the dead-letter queue."""

import json
from collections.abc import Iterator, Mapping

from django.conf import settings

from apps.common.aws import queue_name
from operations.doctor.aws import Reply, ReplyKind, Service, failure_finding
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

# The error codes of SQS for invalid parameters (SQS API Reference).
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
    """Yield findings about both queues, the redrive policy, and the worker's permissions.

    No message is received, sent, hidden or deleted.
    """
    service = Service("sqs", region=settings.SQS_CONVERSATION_REGION)
    probes = _probes()
    queue = _attributes(service, settings.SQS_CONVERSATION_QUEUE_URL)
    if queue.fails_every_call:
        yield _not_read(QUEUE, queue, setting="SQS_CONVERSATION_QUEUE_URL")
        names = [*names_of_checks(QUEUE), REDRIVE, DEAD_LETTERS, *names_of_checks(DEAD_LETTERS)]
        for name in [*names, *(probe.check for probe in probes)]:
            yield skipped(name, f"Not checked: see {QUEUE}.")
        return
    dead_letters = _attributes(service, settings.SQS_CONVERSATION_DLQ_URL)
    yield from _queue(QUEUE, queue, setting="SQS_CONVERSATION_QUEUE_URL")
    yield _redrive(queue, dead_letters)
    yield from _queue(DEAD_LETTERS, dead_letters, setting="SQS_CONVERSATION_DLQ_URL")
    yield from check_permissions(service, probes)


def _attributes(service: Service, url: str) -> Reply:
    return service.call("get_queue_attributes", QueueUrl=url, AttributeNames=["All"])


def _queue(check: str, reply: Reply, *, setting: str) -> Iterator[Finding]:
    if reply.kind is not ReplyKind.DONE:
        yield _not_read(check, reply, setting=setting)
        for name in names_of_checks(check):
            yield skipped(name, f"Not checked: see {check}.")
        return
    yield ok(check, f"{queue_name(getattr(settings, setting))} exists.")
    yield from check_attributes(check, _found(reply), setting=setting)


def _not_read(check: str, reply: Reply, *, setting: str) -> Finding:
    name = queue_name(getattr(settings, setting))
    if reply.kind is ReplyKind.MISSING:
        return error(
            check,
            f"There is no queue {name}.",
            f"Correct {setting}, or run: python manage.py provision",
        )
    if reply.kind is ReplyKind.NOT_ALLOWED:
        return warning(
            check,
            f"The attributes of {name} cannot be read, because sqs:GetQueueAttributes is not "
            "allowed. The worker does not need it.",
            "Run this with the credentials for manage.py provision, too.",
        )
    return failure_finding(
        check,
        reply,
        service="SQS",
        settings=f"{setting}, SQS_CONVERSATION_REGION and AWS_ENDPOINT_URL_SQS",
    )


def _found(reply: Reply) -> Mapping[str, str]:
    attributes: Mapping[str, str] = reply.content.get("Attributes", {})
    return attributes


def _redrive(queue: Reply, dead_letters: Reply) -> Finding:
    if queue.kind is not ReplyKind.DONE:
        return skipped(REDRIVE, f"Not checked: see {QUEUE}.")
    policy = json.loads(_found(queue).get("RedrivePolicy") or "{}")
    if not policy:
        return error(
            REDRIVE,
            "There is no redrive policy for an event that crashes every worker that receives it.",
            PROVISION,
        )
    if dead_letters.kind is not ReplyKind.DONE:
        return skipped(REDRIVE, f"Its target cannot be checked: see {DEAD_LETTERS}.")
    target, count = str(policy.get("deadLetterTargetArn")), int(policy.get("maxReceiveCount", 0))
    if target != _found(dead_letters).get("QueueArn"):
        return error(
            REDRIVE,
            f"The redrive policy points to {target.rpartition(':')[2]}, which is not the queue of "
            "SQS_CONVERSATION_DLQ_URL.",
            "Correct SQS_CONVERSATION_DLQ_URL, or run: python manage.py provision",
        )
    return _receive_count(count, target_name=target.rpartition(":")[2])


def _receive_count(count: int, *, target_name: str) -> Finding:
    if count < MAX_RECEIVE_COUNT:
        return error(
            REDRIVE,
            f"SQS itself moves an event to the dead-letter queue after {count} receives, not "
            f"{MAX_RECEIVE_COUNT}, even if it only waits for a dependency. SQS keeps neither the "
            "reason nor the place of the event, so a redrive cannot restore the order.",
            PROVISION,
        )
    if count > MAX_RECEIVE_COUNT:
        return warning(
            REDRIVE,
            f"SQS moves an event to the dead-letter queue after {count} receives, not "
            f"{MAX_RECEIVE_COUNT}.",
            PROVISION,
        )
    return ok(REDRIVE, f"SQS moves an event to {target_name} after {count} receives.")


def _probes() -> list[Probe]:
    """Return calls that check what a worker may do with the queues. All have invalid parameters.

    ReceiveMessage requests no messages, so no receive count increases. DeleteMessage and
    ChangeMessageVisibility have an invalid receipt handle. SendMessage has three errors, so that
    every kind of queue refuses it: a body with a character that SQS does not accept, no message
    group, and a delay above 900 seconds.
    """
    urls = {
        "queue": settings.SQS_CONVERSATION_QUEUE_URL,
        "dlq": settings.SQS_CONVERSATION_DLQ_URL,
    }
    unsendable = {"MessageBody": "\0", "DelaySeconds": 901}
    return [
        Probe(
            check=f"sqs.{key}.may_{suffix}",
            permission=f"sqs:{permission}",
            resource=queue_name(urls[key]),
            action=action,
            parameters={"QueueUrl": urls[key], **parameters},
            expected=BAD_PARAMETERS,
        )
        for key, suffix, permission, action, parameters in (
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
            # The worker collects dead letters.
            ("dlq", "receive", "ReceiveMessage", "receive_message", {"MaxNumberOfMessages": 0}),
            ("dlq", "delete", "DeleteMessage", "delete_message", {"ReceiptHandle": NO_RECEIPT}),
        )
    ]

"""Faults of SQS and DynamoDB."""

from collections.abc import Callable
from typing import Any

from testbed.dynamodb import DynamoDbServer
from testbed.sqs import SqsServer
from tests.chaos.faults.fault import Fault, Strike

_HANG_SECONDS = 4.0
_SLOW_SECONDS = 2.0
_QUEUE = "conversations.fifo"


def _sqs(inject: Callable[..., None], **options: Any) -> Strike:
    """Return a strike that injects a fault into SQS for as long as the fault lasts."""
    return lambda target, hit: inject(target.sqs, duration=hit.seconds, **options)


def _dynamodb(inject: Callable[..., None], **options: Any) -> Strike:
    """Return a strike that injects a fault into DynamoDB for as long as the fault lasts."""
    return lambda target, hit: inject(target.dynamodb, duration=hit.seconds, **options)


SQS_FAULTS = (
    Fault(name="SQS drops connections", seconds=8, strike=_sqs(SqsServer.drop)),
    Fault(name="SQS loses its answers", seconds=8, strike=_sqs(SqsServer.lose_answers)),
    Fault(name="SQS hangs", seconds=8, strike=_sqs(SqsServer.hang, seconds=_HANG_SECONDS)),
    Fault(
        name="SQS answers 500",
        seconds=8,
        strike=_sqs(SqsServer.fail, status=500, code="InternalError"),
    ),
    Fault(
        name="SQS throttles",
        seconds=8,
        strike=_sqs(SqsServer.fail, status=400, code="RequestThrottled"),
    ),
    Fault(
        name="SQS refuses connections",
        seconds=6,
        strike=lambda target, hit: target.sqs.refuse_connections(seconds=hit.seconds),
    ),
    # Only two receives deliver duplicates, because a message becomes a dead letter after 100
    # receives.
    Fault(
        name="SQS delivers twice",
        seconds=8,
        strike=lambda target, _hit: target.sqs.deliver_duplicates(count=2),
        times=16,
    ),
    # The leases end while workers process the messages.
    Fault(
        name="leases end during the work",
        seconds=8,
        strike=lambda target, _hit: target.sqs.expire_leases(queue=_QUEUE),
        times=16,
    ),
    # This fault lasts longer than a lease.
    Fault(
        name="SQS refuses deletes",
        seconds=15,
        strike=_sqs(
            SqsServer.fail, status=403, code="AccessDenied", actions=["DeleteMessageBatch"]
        ),
    ),
    # Open connections stay open but never transfer data again. New connections work.
    Fault(
        name="connections to SQS go silent",
        seconds=2,
        strike=lambda target, _hit: target.servers.proxies.sqs.lose_connections(),
        rest=10,
    ),
)

DYNAMODB_FAULTS = (
    Fault(
        name="DynamoDB throttles half of all calls",
        seconds=10,
        strike=_dynamodb(DynamoDbServer.throttle, share=0.5),
    ),
    Fault(
        name="DynamoDB leaves items unprocessed",
        seconds=8,
        strike=_dynamodb(DynamoDbServer.leave_unprocessed, share=0.5),
    ),
    Fault(name="DynamoDB answers 500", seconds=8, strike=_dynamodb(DynamoDbServer.fail)),
    Fault(
        name="DynamoDB hangs",
        seconds=8,
        strike=_dynamodb(DynamoDbServer.hang, seconds=_HANG_SECONDS),
    ),
    Fault(
        name="DynamoDB drops connections",
        seconds=8,
        strike=_dynamodb(DynamoDbServer.drop, share=0.5),
    ),
    Fault(
        name="DynamoDB loses its answers",
        seconds=8,
        strike=_dynamodb(DynamoDbServer.lose_answers, share=0.5),
    ),
    Fault(
        name="DynamoDB is slow",
        seconds=10,
        strike=_dynamodb(DynamoDbServer.delay, seconds=_SLOW_SECONDS, share=0.5),
    ),
    Fault(
        name="connections to DynamoDB go silent",
        seconds=2,
        strike=lambda target, _hit: target.servers.proxies.dynamodb.lose_connections(),
        rest=10,
    ),
)

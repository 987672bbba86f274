"""The errors of SQS.

Sources: the errors of each action (Amazon SQS API Reference). For the messages,
https://repost.aws/knowledge-center/sqs-receipt-handle-error and the issue trackers of AWS's SDKs.
"""

from http import HTTPStatus

from testbed.server.errors import ServiceError

# The error codes of the older query protocol, which SQS still sends in x-amzn-query-error.
_QUERY_CODES = {
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
    "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
    "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
}


class SqsError(ServiceError):
    """An error of SQS. `code` is that of the JSON protocol."""

    @property
    def query_code(self) -> str:
        """The code of the query protocol, which botocore shows as `Error.Code`."""
        return _QUERY_CODES.get(self.code, self.code)

    @property
    def is_sender_fault(self) -> bool:
        """Whether the error is the sender's fault, not the receiver's."""
        return self.status < HTTPStatus.INTERNAL_SERVER_ERROR


def queue_does_not_exist() -> SqsError:
    """Return the error for a queue that does not exist."""
    return SqsError(code="QueueDoesNotExist", message="The specified queue does not exist.")


def missing_parameter(*, name: str) -> SqsError:
    """Return the error for a missing parameter."""
    return SqsError(
        code="MissingParameter", message=f"The request must contain the parameter {name}."
    )


def invalid_value(*, name: str, value: object, reason: str) -> SqsError:
    """Return the error for a parameter with an invalid value."""
    return SqsError(
        code="InvalidParameterValue",
        message=f"Value {value} for parameter {name} is invalid. Reason: {reason}",
    )


def invalid_parameters(*, reason: str) -> SqsError:
    """Return the error for parameters that do not go together."""
    return SqsError(code="InvalidParameterValue", message=reason)


def invalid_receipt_handle(*, handle: str) -> SqsError:
    """Return the error for a receipt handle that SQS did not issue."""
    return SqsError(
        code="ReceiptHandleIsInvalid",
        message=f'The input receipt handle "{handle}" is not a valid receipt handle.',
        status=HTTPStatus.NOT_FOUND.value,
    )


def expired_receipt_handle(*, handle: str) -> SqsError:
    """Return the error for a receipt handle whose lease has ended."""
    return invalid_value(
        name="ReceiptHandle", value=handle, reason="The receipt handle has expired."
    )


def not_modelled(*, what: str) -> SqsError:
    """Return the error for a feature of AWS that this model refuses, rather than imitate badly."""
    return SqsError(code="UnsupportedOperation", message=f"This model of SQS has no {what}.")

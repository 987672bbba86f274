"""Reports of what SQS has answered to deletes, lease changes and copies of deliveries."""

from collections.abc import Callable, Sequence
from enum import Enum, auto

from celery_sqs_fifo.delivery import Delivery


class Report(Enum):
    """The answer of SQS about deliveries.

    DELETED: the message is deleted.
    DELETED_TOO_LATE: its lease ended before the delete, so SQS delivers it again.
    LEASE_LOST: its lease ended while the worker held it, so SQS delivers it again.
    QUARANTINED: its copy is in the dead-letter queue.
    QUARANTINE_REFUSED: its copy was refused and is not sent again, because the worker is stopping.
    """

    DELETED = auto()
    DELETED_TOO_LATE = auto()
    LEASE_LOST = auto()
    QUARANTINED = auto()
    QUARANTINE_REFUSED = auto()


Reporter = Callable[[Report, Sequence[Delivery]], None]

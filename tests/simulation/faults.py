"""The faults of calls to SQS in a random schedule."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault of one call. Times are in seconds.

    is_done: whether SQS executes the call.
    skips_first_entry: whether SQS refuses the first entry of a batch.
    error: the error that the worker receives instead of the answer.
    """

    arrives_after: float = 0.0
    is_done: bool = True
    skips_first_entry: bool = False
    answers_after: float = 0.0
    error: str | None = None


NO_FAULT = Fault()
QUEUE_IS_GONE = Fault(is_done=False, error="HTTP 400 QueueDoesNotExist")
# If the answer to a receive is late, the lease began earlier than the worker knows. The delays of
# answers without an error are therefore shorter than a tenth of a lease, the worker's reserve.
FAULTS = {
    "refused": Fault(is_done=False, error="HTTP 503 ServiceUnavailable"),
    "answer lost": Fault(error="HTTP 500 InternalError"),
    "hanging": Fault(answers_after=15.0, error="HTTP 599 timeout"),
    "hanging, not done": Fault(is_done=False, answers_after=15.0, error="HTTP 599 timeout"),
    "slow": Fault(arrives_after=2.0, answers_after=1.0),
    "partial": Fault(skips_first_entry=True),
}

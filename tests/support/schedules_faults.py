"""What may happen to a call on its way to SQS in a random schedule."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to a call: how late it arrives, whether it is done, how the answer comes."""

    arrives_after: float = 0.0
    is_done: bool = True
    skips_first_entry: bool = False
    answers_after: float = 0.0
    error: str | None = None


WORKS = Fault()
QUEUE_IS_GONE = Fault(is_done=False, error="HTTP 400 QueueDoesNotExist")
# A late answer to a receive is a lease that began earlier than the worker knows: shorter here
# than the tenth of a lease which the worker keeps in reserve.
FAULTS = {
    "refused": Fault(is_done=False, error="HTTP 503 ServiceUnavailable"),
    "answer lost": Fault(error="HTTP 500 InternalError"),
    "hanging": Fault(answers_after=15.0, error="HTTP 599 timeout"),
    "hanging, not done": Fault(is_done=False, answers_after=15.0, error="HTTP 599 timeout"),
    "slow": Fault(arrives_after=2.0, answers_after=1.0),
    "partial": Fault(skips_first_entry=True),
}

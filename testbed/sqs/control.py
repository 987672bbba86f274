"""The requests of the control interface that only the model of SQS has."""

from typing import Any

from testbed.server.clock import Clock
from testbed.server.control import Fields, Routes
from testbed.sqs.account import Account
from testbed.sqs.calls import CallLog
from testbed.sqs.polls import LongPolls


class Control:
    """Advances and separates clocks, ends leases, hides queues, and reports calls."""

    def __init__(self, *, clock: Clock, account: Account, polls: LongPolls, log: CallLog) -> None:
        self._clock = clock
        self._account = account
        self._polls = polls
        self._log = log

    def routes(self) -> Routes:
        """Return the handlers by method and path."""
        return {
            ("POST", "/clock/advance"): self._advance,
            ("POST", "/clock/separate"): self._separate,
            ("POST", "/leases/expire"): self._expire_leases,
            ("POST", "/queues/vanish"): self._vanish,
            ("POST", "/queues/restore"): self._restore,
            ("GET", "/calls"): self._calls,
            ("GET", "/calls/counts"): self._counts,
            ("DELETE", "/calls"): self._reset_calls,
        }

    async def _advance(self, fields: Fields) -> None:
        self._clock.advance(seconds=fields["seconds"])
        for queue in self._account.queues():
            self._polls.wake(queue)

    async def _separate(self, fields: Fields) -> None:
        queue = self._account.find(name=fields["queue"], now=self._clock.now())
        queue.seconds_apart = fields["seconds"]

    async def _expire_leases(self, fields: Fields) -> int:
        now = self._clock.now()
        queue = self._account.find(name=fields["queue"], now=now)
        expired = queue.expire_leases(now=now)
        self._polls.wake(queue)
        return expired

    async def _vanish(self, fields: Fields) -> None:
        now = self._clock.now()
        queue = self._account.find(name=fields["queue"], now=now)
        seconds = fields["seconds"]
        self._account.hide(
            name=queue.name, until=float("inf") if seconds is None else now + seconds
        )
        self._polls.wake_all(queue)

    async def _restore(self, fields: Fields) -> None:
        self._account.hide(name=fields["queue"], until=self._clock.now())

    async def _calls(self, fields: Fields) -> list[dict[str, Any]]:
        return self._log.as_json(action=fields["action"])

    async def _counts(self, _fields: Fields) -> dict[str, int]:
        return self._log.counts()

    async def _reset_calls(self, _fields: Fields) -> None:
        self._log.reset()

"""Keeps the leases of the messages in flight."""

import heapq

from testbed.sqs.message import Message


class Leases:
    """The messages in flight by sequence number, and the end of the next lease."""

    def __init__(self) -> None:
        self._held: dict[int, Message] = {}
        # (lease end, sequence number); entries may be out of date.
        self._ends: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._held)

    def oldest_first(self) -> list[Message]:
        """Return all messages in flight, in the order in which they were sent."""
        return [self._held[sequence] for sequence in sorted(self._held)]

    def hold(self, message: Message, *, until: float) -> None:
        """Start or change the lease of a message."""
        message.lease_end = until
        self._held[message.sequence] = message
        heapq.heappush(self._ends, (until, message.sequence))

    def end(self, message: Message) -> None:
        """End the lease of a message."""
        message.lease_end = None
        del self._held[message.sequence]

    def next_end(self) -> float | None:
        """Return when the next lease ends; None if no message is in flight."""
        while self._ends:
            lease_end, sequence = self._ends[0]
            message = self._held.get(sequence)
            if message is not None and message.lease_end == lease_end:
                return lease_end
            heapq.heappop(self._ends)
        return None

    def overdue(self, *, now: float) -> Message | None:
        """Return a message in flight whose lease has ended, or None if there is none."""
        lease_end = self.next_end()
        if lease_end is None or lease_end > now:
            return None
        return self._held[self._ends[0][1]]

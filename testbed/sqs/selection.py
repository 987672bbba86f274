"""Chooses the messages of a receive in one of two ways that AWS's documentation allows.

Both call a `Take`. It skips the first `skip` messages of a group, and delivers up to `count`
others.
"""

from typing import Protocol

from testbed.sqs.groups import Group, Groups
from testbed.sqs.message import Message


class Take(Protocol):
    """Takes messages of a group."""

    def __call__(self, group: Group, *, skip: int, count: int) -> list[Message]:
        """Return up to `count` receivable messages after the first `skip`."""
        ...


def from_one_group_first(*, groups: Groups, limit: int, take: Take) -> list[Message]:
    """Return as many messages as possible of the group with the oldest message, then of the next.

    Source: "FIFO queue delivery logic", Amazon SQS Developer Guide: SQS tries to return as many
    messages of one group as possible.
    """
    taken: list[Message] = []
    while len(taken) < limit and (group := groups.take_unlocked()):
        taken += take(group, skip=0, count=limit - len(taken))
    return taken


def from_each_group_in_turn(*, groups: Groups, limit: int, take: Take) -> list[Message]:
    """Return one message of each group, the oldest first, then a second one, up to the limit."""
    runs: list[tuple[Group, list[Message]]] = []
    while len(runs) < limit and (group := groups.take_unlocked()):
        if first := take(group, skip=0, count=1):
            runs.append((group, first))
    missing = limit - len(runs)
    growing = runs
    while missing and growing:
        grown = []
        for group, run in growing:
            following = take(group, skip=len(run), count=1) if missing else []
            if following:
                missing -= 1
                run.extend(following)
                grown.append((group, run))
        growing = grown
    return [message for _, run in runs for message in run]

"""The page's part about the growth curves."""

from collections.abc import Sequence

from bench.growth_result import Growth, Point
from bench.growth_rows import CLOSING_HEAD, HEAD, closing_rows, point_rows
from bench.markdown import table
from bench.svg import line_chart

_PART = """\
## Growth

{circumstances}

This service alone, under backlog, with one thing growing at a time. Calls, units and statements are
for one event, and memory is the sum of the resident memory of the worker's processes.

### Pool processes

{processes}

![Events per second by pool processes](charts/bench-growth-processes.svg)

### Bundles

The most events that a pool process gets at once (`WORKER_BUNDLE`).

{bundle}

![CPU per event by the most events of a bundle](charts/bench-growth-bundle.svg)

### Message groups

Each group is a contact without a conversation: its first message opens one.

{groups}

![CPU per event by message groups](charts/bench-growth-groups.svg)

### Backlog

The longest was stopped after {most_seconds:,.0f} seconds if events were left by then.

{backlog}

![CPU per event by backlog](charts/bench-growth-backlog.svg)

### Size of a message

{message_bytes}

![CPU per event by bytes of a message](charts/bench-growth-message-bytes.svg)

### Survey answers

Of a hundred events, so many are survey answers. Each is a bundle and a transaction of its own.

{answers}

### Closing a long conversation

From the receive of the event that closes it to the delete of that event: all messages are in the
archive and gone from DynamoDB by then.

{conversation}

![Seconds by messages of the conversation](charts/bench-growth-conversation.svg)
"""


def growth_part(growth: Growth) -> str:
    """The part in Markdown."""

    def points(of: str, curve: Sequence[Point]) -> str:
        return table((of, *HEAD), point_rows(curve))

    return _PART.format(
        circumstances=growth.machine.sentence(command=growth.command, commit=growth.commit),
        most_seconds=growth.most_seconds,
        processes=points("processes", growth.processes),
        bundle=points("most events", growth.bundle),
        groups=points("groups", growth.groups),
        backlog=points("backlog", growth.backlog),
        message_bytes=points("bytes", growth.message_bytes),
        answers=points("answers", growth.answers_in_a_hundred),
        conversation=table(CLOSING_HEAD, closing_rows(growth.conversation)),
    )


def growth_charts(growth: Growth) -> dict[str, str]:
    """The charts of the part, by file name."""
    return {
        "bench-growth-processes.svg": line_chart(
            title="Events per second, by pool processes",
            across="pool processes",
            points=[(one.at, one.events_per_second) for one in growth.processes],
        ),
        "bench-growth-bundle.svg": _cpu_chart("the most events of a bundle", growth.bundle),
        "bench-growth-groups.svg": _cpu_chart("message groups", growth.groups),
        "bench-growth-backlog.svg": _cpu_chart("events on the queue", growth.backlog),
        "bench-growth-message-bytes.svg": _cpu_chart("bytes of a message", growth.message_bytes),
        "bench-growth-conversation.svg": line_chart(
            title="Seconds that a closing takes, by messages of the conversation",
            across="messages of the conversation",
            points=[(one.at, one.seconds) for one in growth.conversation],
        ),
    }


def _cpu_chart(across: str, curve: Sequence[Point]) -> str:
    return line_chart(
        title=f"CPU per event in milliseconds, by {across}",
        across=across,
        points=[(one.at, one.cpu_ms_per_event) for one in curve],
    )

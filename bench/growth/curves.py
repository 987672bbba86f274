"""The curves: their loads, and how the page shows them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.common.chat import Load
from bench.common.costs import COST_FIGURES
from bench.common.tables import Figures
from bench.common.trial import Contender, service
from bench.growth.result import ClosingPoint, Point

EVENTS = 10_000
CONTACTS = 100
# The maximal total size of the messages of one point of a curve.
_MAX_BYTES = 100_000_000
# The message numbers that open conversations before a load begins.
FIRST = range(1)

POINT_FIGURES: Figures[Point] = {
    **COST_FIGURES,
    "memory after a tenth, MB": lambda one: f"{one.settled_rss_mb:,.0f}",
    "at the end, MB": lambda one: f"{one.end_rss_mb:,.0f}",
}
CLOSING_FIGURES: Figures[ClosingPoint] = {
    "seconds": lambda one: f"{one.seconds:.2f}",
    "DynamoDB calls": lambda one: f"{one.dynamodb_calls:,}",
    "write units": lambda one: f"{one.write_units:,}",
    "read units": lambda one: f"{one.read_units:,.0f}",
    "SQL statements": lambda one: f"{one.sql:,}",
    "memory before, MB": lambda one: f"{one.settled_rss_mb:,.0f}",
    "most memory, MB": lambda one: f"{one.peak_rss_mb:,.0f}",
}


def _messages(events: int, *, contacts: int | None = None) -> Load:
    """Return this number of messages. Each contact has at least ten unless `contacts` is given."""
    number = contacts or max(1, min(CONTACTS, events // 10))
    return _load(max(1, events // number), contacts=number)


def _of_size(size: int) -> Load:
    (event,) = Load(contacts=1, numbers=FIRST, text_characters=0)
    each = min(EVENTS, _MAX_BYTES // size) // CONTACTS
    return replace(_load(max(1, each)), text_characters=max(1, size - len(event.body)))


def _with_answers(in_a_hundred: int) -> Load:
    every = 100 // in_a_hundred if in_a_hundred else 0
    return replace(_load(EVENTS // CONTACTS), answers_every=every)


def _load(each: int, *, contacts: int = CONTACTS) -> Load:
    return Load(contacts=contacts, numbers=range(FIRST.stop, FIRST.stop + each))


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A curve, and its section of the page.

    `values` are the values on the x axis. `load` and `contender` return the load and the subject
    for a value. The page has a table of the `figures`; `first` is the heading of the column with
    the values. `across` is the title of the x axis of a chart; without it, there is no chart. The
    chart shows `value`, whose title is `chart`: by default, the CPU per event.
    """

    title: str
    explanation: str
    first: str
    values: Sequence[int]
    load: Callable[[int], Load] = lambda _at: _messages(EVENTS)
    contender: Callable[[int], Contender] = lambda _at: service()
    figures: Figures[Any] = field(default_factory=lambda: POINT_FIGURES)
    across: str = ""
    chart: str = "CPU per event in milliseconds"
    value: Callable[[Any], float] = lambda point: float(point.cpu_ms_per_event)


CURVES: Mapping[str, Curve] = {
    "processes": Curve(
        title="Pool processes",
        explanation="The number of processes that run the steps (`--concurrency`).",
        first="processes",
        values=(1, 2, 4, 8),
        contender=lambda at: service(processes=at),
        across="pool processes",
        chart="Events per second",
        value=lambda point: float(point.events_per_second),
    ),
    "bundle": Curve(
        title="Batches",
        explanation="The largest number of events of one pool task (`WORKER_BATCH_SIZE`).",
        first="largest batch",
        values=(1, 5, 10, 25),
        contender=lambda at: service(WORKER_BATCH_SIZE=str(at)),
        across="the largest batch",
    ),
    "groups": Curve(
        title="Message groups",
        explanation="Each group is a contact without a conversation; its first message opens one.",
        first="groups",
        values=(1, 10, 100, 1_000, 10_000, 100_000),
        load=lambda at: _messages(EVENTS, contacts=at),
        across="message groups",
    ),
    "backlog": Curve(
        title="Backlog",
        explanation="The number of events on the queue before the worker may begin.",
        first="backlog",
        values=(100, 1_000, 10_000, 100_000, 1_000_000),
        load=_messages,
        across="events on the queue",
    ),
    "message_bytes": Curve(
        title="Size of a message",
        explanation="The bytes of an event's body, up to SQS's former limit.",
        first="bytes",
        values=(500, 1_000, 10_000, 100_000, 256_000),
        load=_of_size,
        across="bytes of a message",
    ),
    "answers_in_a_hundred": Curve(
        title="Survey answers",
        explanation="The number of survey answers in a hundred events. Each answer is its own "
        "batch and transaction.",
        first="answers",
        values=(0, 1, 10),
        load=_with_answers,
    ),
    # The only curve without a load: `bench.growth.closing` measures it.
    "conversation": Curve(
        title="Closing a long conversation",
        explanation="The time from the receive to the delete of the event that closes the "
        "conversation. By then, all messages are in the archive.",
        first="messages",
        values=(10, 100, 1_000, 10_000, 50_000),
        figures=CLOSING_FIGURES,
        across="messages of the conversation",
        chart="Milliseconds that closing takes for each message",
        value=lambda point: float(point.seconds / point.at * 1_000),
    ),
}

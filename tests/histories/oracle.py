"""The rules of attribution, answers and transcripts, written plainly and apart from the service.

The oracle knows the rank of every place, so a span is just an interval of ranks. It uses none of
the service's code.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.histories.events import Action, Event, History, Kind, Step

DAY = timedelta(days=1)
ANSWERED_WITHIN = timedelta(days=7)
DELETED_WITHIN = timedelta(hours=48)
OPEN, UNCLASSIFIED, TAKEN_OVER = 2, 3, 4
SCORES = {"weni_csat": range(1, 6), "weni_nps": range(11)}


@dataclass(slots=True)
class Span:
    """An interval of ranks. `opened` is the rank that opened it, `start` may be earlier.

    Queue times may fall while ranks rise, but spans follow each other in time, too: none begins
    before the end of the one before it, and none ends before it begins.
    """

    conversation: "Conversation"
    opened: float
    opened_at: datetime
    start: float
    start_at: datetime
    end: float | None = None
    ended_at: datetime | None = None

    def holds(self, rank: float) -> bool:
        return self.start <= rank and (self.end is None or rank < self.end)


@dataclass(slots=True)
class Answer:
    event: Event
    value: str
    score: int | None
    is_problem: bool
    rank: float
    counts: bool = False


@dataclass(slots=True, eq=False)
class Conversation:
    opened_by: Event
    group: str
    closes_at: datetime
    resolution: int = OPEN
    name: str = ""
    external_id: str = ""
    is_taken_over: bool = False
    written: float | None = None
    window: float = -1
    newest: float = -1
    requested: int | None = None
    messages: list[Event] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Closing:
    """A closing as the figures count it."""

    ended_at: datetime
    resolution: int
    contact_wrote: bool
    is_answered: bool


class Oracle:
    """What must have become of a contact."""

    def __init__(self, history: History, ranks: dict[int, int]) -> None:
        self.events = {event.number: event for event in history.events}
        self.ranks = ranks
        self.spans: list[Span] = []
        self.conversations: list[Conversation] = []
        self.homeless: list[Answer] = []
        self.earlier_closings: list[Closing] = []
        self.lake: list[tuple[str, str]] = []
        self.homes: dict[int, Conversation | None] = {}
        self.targets: dict[int, Conversation | None] = {}
        # By deletion: the conversations that it may belong to, and whether that is decided.
        self.deletions: dict[int, list[Conversation]] = {}
        self._decided: set[int] = set()

    def run(self, steps: list[Step]) -> None:
        """Run these steps."""
        for step in steps:
            if step.action is Action.RUN:
                self._run(self.events[step.event])
                self._find_deleted()

    def _run(self, event: Event) -> None:
        rank = self.ranks[event.number]
        match event.kind:
            case Kind.RECEIVED | Kind.SENT:
                home = self._find_or_open(event, rank, from_contact=event.kind is Kind.RECEIVED)
                self._store(home, event, rank)
            case Kind.DELETED:
                self._delete(event)
            case Kind.ANSWER:
                self._answer(event, rank)
            case Kind.WINDOW:
                self._window(event, rank)
            case Kind.TAKEOVER:
                self._take_over(event, rank)
            case Kind.CLOSE:
                self._close(rank, event, event.resolution)
            case Kind.CLOSE_POINTER:
                self._close_pointer(event, rank)
            case Kind.REOPEN_POINTER:
                self._reopen_pointer(event, rank)

    def _find_or_open(self, event: Event, rank: float, *, from_contact: bool) -> Conversation:
        home = self._place(event, rank)
        if from_contact:
            home.written = rank if home.written is None else min(home.written, rank)
        home.name = home.name or event.name
        return home

    def _place(self, event: Event, rank: float) -> Conversation:
        holding = self._holding(rank)
        if holding:
            return holding.conversation
        later = sorted((one for one in self.spans if one.start > rank), key=lambda one: one.start)
        start_at = self._start_at(event, rank)
        if later and later[0].opened_at - event.queue_time <= DAY:
            later[0].start, later[0].start_at = rank, min(later[0].start_at, start_at)
            return later[0].conversation
        new = Conversation(event, event.group, _next_midnight(event.queue_time), name=event.name)
        self.conversations.append(new)
        span = Span(new, rank, event.queue_time, rank, start_at)
        if later:
            new.resolution = UNCLASSIFIED
            span.end, span.ended_at = later[0].start, max(later[0].start_at, start_at)
        self.spans.append(span)
        return new

    def _start_at(self, event: Event, rank: float) -> datetime:
        """Return when a span that begins at an event begins: after the span before it."""
        earlier = [one for one in self.spans if one.start < rank]
        last = max(earlier, key=lambda one: one.start, default=None)
        times = (event.queue_time, last and last.start_at, last and last.ended_at)
        return max(each for each in times if each)

    def _store(self, home: Conversation, event: Event, rank: float) -> None:
        if event not in home.messages:
            home.messages.append(event)
        home.newest = max(home.newest, rank)

    def _delete(self, event: Event) -> None:
        """Decide where a deletion belongs, if a conversation has its message by now."""
        self.deletions.setdefault(event.number, [])
        self._find_deleted()
        if self._having(event):
            self._decided.add(event.number)

    def _find_deleted(self) -> None:
        """Add the conversations in which waiting deletions could find their messages now.

        The rules do not say when the service looks for them, so this is done at each run of a
        deletion.
        """
        for number, found in self.deletions.items():
            if number not in self._decided:
                found += [one for one in self._having(self.events[number]) if one not in found]

    def _having(self, deletion: Event) -> list[Conversation]:
        """Return the first conversation that has a deletion's message, or several on a tie."""
        having = [
            one
            for one in self.conversations
            if any(is_deleted_by(deletion, message) for message in one.messages)
        ]
        holding = self._holding(self.ranks[deletion.number])
        if holding and holding.conversation in having:
            return [holding.conversation]
        distance = {
            one: one.opened_by.queue_time - deletion.queue_time
            for one in having
            if self._last_used_at(one) >= deletion.queue_time - DELETED_WITHIN
        }
        nearest = max((each for each in distance.values() if each <= timedelta(0)), default=None)
        if nearest is None:
            nearest = min((each for each in distance.values() if each <= DAY), default=None)
        return [one for one in distance if distance[one] == nearest]

    def _last_used_at(self, one: Conversation) -> datetime:
        """Return when a conversation ended or had a message, or the end of time if it is open."""
        last = max((s for s in self.spans if s.conversation is one), key=lambda span: span.start)
        ended_at = last.ended_at or datetime.max.replace(tzinfo=UTC)
        return max(ended_at, *(each.queue_time for each in one.messages))

    def may_wait(self, number: int) -> bool:
        """Return whether a deletion may still wait for its message."""
        return number not in self._decided and not self._having(self.events[number])

    def _answer(self, event: Event, rank: float) -> None:
        if event.number not in self.homes:
            self.homes[event.number] = self._answered(event, rank)
            home = self.homes[event.number]
            if home:
                home.name = home.name or event.name
            if home and event.text:
                home.written = rank if home.written is None else min(home.written, rank)
        home = self.homes[event.number]
        if home and event.text:
            if event not in home.messages:
                home.messages.append(event)
            holding = self._holding(rank)
            if event.group == home.group or (holding and holding.conversation is home):
                home.newest = max(home.newest, rank)
        self._record(event, rank, home)

    def _answered(self, event: Event, rank: float) -> Conversation | None:
        holding = self._holding(rank)
        open_then = holding.conversation if holding else None
        if open_then and open_then.written is not None and open_then.written < rank:
            return open_then
        ended = [
            one
            for one in self.spans
            if one.end is not None
            and one.ended_at is not None
            and one.end <= rank
            and one.ended_at >= event.queue_time - ANSWERED_WITHIN
        ]
        if ended:
            return max(ended, key=lambda one: one.end or 0).conversation
        return open_then

    def _record(self, event: Event, rank: float, home: Conversation | None) -> None:
        answers = home.answers if home else self.homeless
        value, score, is_problem = scored(event)
        same = [
            one
            for one in answers
            if (one.event.key, one.event.message_id, one.value)
            == (event.key, event.message_id, value)
        ]
        if same and same[0].rank >= rank:
            return
        if same:
            (answer,) = same
            answer.rank = rank
        else:
            answer = Answer(event, value, score, is_problem, rank)
            answers.append(answer)
        if is_problem:
            return
        if home is None:
            if not same:
                self._count(answer, answers=[])
            return
        rivals = [
            one
            for one in answers
            if one.event.key == event.key
            and one.counts
            and one is not answer
            and self._reopenings_before(one.rank, home) == self._reopenings_before(rank, home)
        ]
        if any(one.rank > rank for one in rivals):
            answer.counts = False
        elif rivals or not answer.counts:
            self._count(answer, answers=rivals)

    def _reopenings_before(self, rank: float, home: Conversation) -> int:
        """Count the reopenings before an answer, which later ones do not replace."""
        openings = sorted(one.opened for one in self.spans if one.conversation is home)
        return sum(opening <= rank for opening in openings[1:])

    def _count(self, answer: Answer, *, answers: list[Answer]) -> None:
        for other in answers:
            other.counts = False
        answer.counts = True
        self.lake.append((answer.event.key, answer.value))

    def _window(self, event: Event, rank: float) -> None:
        last = max(self.spans, key=lambda one: one.start, default=None)
        if last and (rank < last.opened if last.end is None else rank < last.end):
            return
        self._describe(self._find_or_open(event, rank, from_contact=False), event, rank)

    def _describe(self, home: Conversation, event: Event, rank: float) -> None:
        if home.window < rank:
            home.window = rank
            home.external_id = f"w-{event.number}"
            home.name = event.name or home.name
        home.newest = max(home.newest, rank)

    def _take_over(self, event: Event, rank: float) -> None:
        """Decide once where a takeover belongs. It never closes what opened after it."""
        if event.number in self.homes:
            return
        self._close(rank, event, TAKEN_OVER)
        home = self.homes[event.number] = self._taken_over(event, rank)
        home.is_taken_over = True
        self._describe(home, event, rank)
        last = max((one for one in self.spans if one.conversation is home), key=lambda s: s.start)
        if last.end is not None and last.opened <= rank:
            home.resolution = TAKEN_OVER

    def _taken_over(self, event: Event, rank: float) -> Conversation:
        """Return the conversation that was open, the last one of the day before, or a new one."""
        holding = self._holding(rank)
        if holding:
            return holding.conversation
        ended = [one for one in self.spans if one.end is not None and one.end <= rank]
        last = max(ended, key=lambda one: one.end or 0, default=None)
        if last and last.ended_at and last.ended_at >= event.queue_time - DAY:
            return last.conversation
        at = self._start_at(event, rank)
        new = Conversation(event, event.group, _next_midnight(event.queue_time))
        self.conversations.append(new)
        self.spans.append(Span(new, rank, event.queue_time, rank, at, rank, at))
        return new

    def _close(self, rank: float, event: Event, resolution: int) -> None:
        span = self._open()
        if span is None or rank < span.opened:
            return
        self._end(span, rank, event.queue_time, resolution)

    def _end(self, span: Span, rank: float, at: datetime, resolution: int) -> None:
        home = span.conversation
        span.end, span.ended_at = rank, at
        if home.newest > rank:
            (newest,) = [
                one for one in self.events.values() if self.ranks[one.number] == home.newest
            ]
            span.end, span.ended_at = home.newest + 0.5, newest.queue_time
        span.ended_at = max(span.ended_at, span.start_at, span.opened_at)
        home.resolution, home.requested = resolution, None

    def _close_pointer(self, event: Event, rank: float) -> None:
        if event.number not in self.targets:
            open_span = self._open()
            target = open_span.conversation if open_span else None
            if target and target.group != event.group:
                target = None
            self.targets[event.number] = target
            if target:
                target.requested = event.resolution
        target, span = self.targets[event.number], self._open()
        if target is None or span is None or span.conversation is not target:
            return
        if rank < span.opened:
            return
        if target.requested is not None:
            self._end(span, rank, event.queue_time, target.requested)
        elif target.closes_at <= event.queue_time:
            self._end(span, rank, event.queue_time, UNCLASSIFIED)

    def _reopen_pointer(self, event: Event, rank: float) -> None:
        if event.number in self.targets:
            return
        self.targets[event.number] = None
        last = max(self.spans, key=lambda one: one.start, default=None)
        if last is None or last.end is None or last.conversation.group != event.group:
            return
        if rank < last.end:
            return
        target = last.conversation
        self.targets[event.number] = target
        self.earlier_closings.append(self._closing(target))
        target.resolution = OPEN
        target.closes_at = _next_midnight(event.queue_time)
        self.spans.append(Span(target, rank, event.queue_time, rank, self._start_at(event, rank)))

    def closings(self) -> list[Closing]:
        """Return the closings that no reopening followed."""
        return [self._closing(one) for one in self.conversations if one.resolution != OPEN]

    def _closing(self, one: Conversation) -> Closing:
        last = max(
            (span for span in self.spans if span.conversation is one), key=lambda span: span.start
        )
        assert last.ended_at
        return Closing(
            ended_at=last.ended_at,
            resolution=one.resolution,
            contact_wrote=one.written is not None,
            is_answered=any(answer.counts and answer.score is not None for answer in one.answers),
        )

    def _holding(self, rank: float) -> Span | None:
        holding = [one for one in self.spans if one.holds(rank)]
        assert len(holding) <= 1, "spans overlap"
        return holding[0] if holding else None

    def _open(self) -> Span | None:
        return next((one for one in self.spans if one.end is None), None)


def is_deleted_by(deletion: Event, message: Event) -> bool:
    """Return whether a deletion names a message. Without a direction it is the contact's."""
    is_sent = message.kind is Kind.SENT
    return deletion.message_id == message.message_id and is_sent == (deletion.direction == "sent")


def scored(event: Event) -> tuple[str, int | None, bool]:
    """Return the stored value of an answer, its score, and whether the value is not a score."""
    if event.key not in SCORES:
        return event.value, None, False
    score = int(float(event.value))
    if score in SCORES[event.key]:
        return str(score), score, False
    return event.value, None, True


def _next_midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0) + DAY

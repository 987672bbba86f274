"""The conversations of a contact: which row is which, and how each began and ended."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.defects import Defects, Kind
from tests.chaos.found import FoundConversation
from tests.chaos.plan import HAS_CHAT_ROOM, IN_PROGRESS, Closing, Message, PlannedEvent, Window


@dataclass(frozen=True, slots=True)
class Homes:
    """Which row each conversation of a contact is, by its number.

    A row is the conversation that most of what it holds belongs to, so that one event in a wrong
    place is one defect and not as many as there are conversations. `spurious` hold nothing.
    """

    rows: dict[int, FoundConversation]
    spurious: list[FoundConversation]

    @classmethod
    def of(cls, *, events: Sequence[PlannedEvent], rows: Sequence[FoundConversation]) -> "Homes":
        """For contacts of which the events say it; empty for the others."""
        if not events or not events[0].contact.is_certain:
            return cls({}, [])
        messages, windows = _numbers(events)
        best: dict[int, tuple[int, FoundConversation]] = {}
        spurious = []
        for row in rows:
            votes = _votes(row, messages=messages, windows=windows)
            if not votes:
                spurious.append(row)
                continue
            number, count = min(votes.items(), key=lambda vote: (-vote[1], vote[0]))
            if count > best.get(number, (0, row))[0]:
                best[number] = (count, row)
        return cls({number: row for number, (_, row) in best.items()}, spurious)

    def uuid_of(self, number: int) -> str | None:
        """Of the row, if there is one."""
        row = self.rows.get(number)
        return row.uuid if row else None


def _numbers(events: Sequence[PlannedEvent]) -> tuple[dict[str, int], dict[str, int]]:
    """By message id, and by external id, the number of the conversation."""
    messages, windows = {}, {}
    for event in events:
        match event.effect:
            case Message(message_id=message_id, conversation=int(number)):
                messages[message_id] = number
            case Window(external_id=external_id, conversation=int(number)):
                windows[external_id] = number
            case Closing(external_id=external_id, conversation=int(number)) if external_id:
                windows[external_id] = number
    return messages, windows


def _votes(
    row: FoundConversation, *, messages: dict[str, int], windows: dict[str, int]
) -> Counter[int]:
    held = (messages.get(message.message_id) for message in (*row.archive, *row.stored))
    return Counter(number for number in (*held, windows.get(row.external_id)) if number)


def check_conversations(
    *,
    events: Sequence[PlannedEvent],
    rows: Sequence[FoundConversation],
    homes: Homes,
    defects: Defects,
) -> None:
    """Of one contact: opened and closed by the right events, and not once too often."""
    for row in rows:
        if row.message_count != len(row.archive):
            defects.add(Kind.LOST, f"{row.uuid} counts {row.message_count} of {len(row.archive)}")
    open_rows = [row.uuid for row in rows if row.resolution == IN_PROGRESS]
    defects.add_all(Kind.DUPLICATED, (f"{uuid} is open, too" for uuid in open_rows[1:]))
    if not events or not events[0].contact.is_certain:
        _check_last_window(events=events, rows=rows, defects=defects)
        return
    defects.add_all(Kind.DUPLICATED, (f"{row.uuid} is empty" for row in homes.spurious))
    _check_openings(events=events, homes=homes, defects=defects)
    _check_closings(events=events, homes=homes, defects=defects)
    _check_windows(events=events, homes=homes, defects=defects)


def _check_openings(*, events: Sequence[PlannedEvent], homes: Homes, defects: Defects) -> None:
    """What a later event opened, an earlier one of its conversation has come too late for."""
    for event in events:
        match event.effect:
            case Message(opens=True, conversation=int(number), created_at=created_at) as message:
                row = homes.rows.get(number)
                if row and row.started_at != created_at:
                    defects.add(
                        Kind.OUT_OF_ORDER, f"{row.uuid} was not opened by {message.message_id}"
                    )


def _check_closings(*, events: Sequence[PlannedEvent], homes: Homes, defects: Defects) -> None:
    expected: dict[int | None, Closing] = {
        event.effect.conversation: event.effect
        for event in events
        if isinstance(event.effect, Closing)
    }
    for number, row in homes.rows.items():
        closing = expected.pop(number, None)
        if closing is None:
            if row.resolution != IN_PROGRESS:
                defects.add(Kind.MISATTRIBUTED, f"{row.uuid} was closed, and nobody asked for it")
        elif row.resolution == IN_PROGRESS:
            defects.add(Kind.LOST, f"the close of {row.uuid}")
        elif (row.resolution, row.has_chats_room) != (
            closing.resolution,
            closing.resolution == HAS_CHAT_ROOM,
        ):
            defects.add(Kind.MISATTRIBUTED, f"{row.uuid} was closed by another event")
    for missing in expected:
        defects.add(Kind.LOST, f"the close of conversation {missing} of {events[0].contact.urn}")


def _check_windows(*, events: Sequence[PlannedEvent], homes: Homes, defects: Defects) -> None:
    """The last window of a conversation is the one whose id it has."""
    told: dict[int, list[str]] = {}
    for event in events:
        match event.effect:
            case (
                Window(external_id=external_id, conversation=int(number))
                | Closing(external_id=external_id, conversation=int(number))
            ) if external_id:
                told.setdefault(number, []).append(external_id)
    for number, ids in told.items():
        row = homes.rows.get(number)
        found = row.external_id if row else ""
        if found in ids[:-1]:
            defects.add(Kind.OUT_OF_ORDER, f"window {ids[-1]} before {found}")
        elif found != ids[-1]:
            defects.add(Kind.MISATTRIBUTED if found else Kind.LOST, f"window {ids[-1]}")


def _check_last_window(
    *, events: Sequence[PlannedEvent], rows: Sequence[FoundConversation], defects: Defects
) -> None:
    """Whichever conversation it came to, nothing has replaced the id of a group's last window."""
    found = {row.external_id for row in rows}
    last: dict[str, tuple[PlannedEvent, Window | Closing]] = {}
    for event in events:
        if isinstance(event.effect, Window | Closing) and event.effect.external_id:
            last[event.group_id] = (event, event.effect)
    if len(last) != 1:
        return
    ((event, effect),) = last.values()
    # A takeover has an id, too, and may find nothing to close.
    is_gone = isinstance(effect, Window) and effect.external_id not in found
    if is_gone and not _was_overtaken(event, events=events, rows=rows):
        defects.add(Kind.LOST, f"window {effect.external_id}")


def _was_overtaken(
    window: PlannedEvent, *, events: Sequence[PlannedEvent], rows: Sequence[FoundConversation]
) -> bool:
    """Whether a later message of another group opened a conversation: too late for the window."""
    later = {
        event.effect.created_at
        for event in events
        if isinstance(event.effect, Message)
        and event.number > window.number
        and event.group_id != window.group_id
    }
    return any(row.started_at in later for row in rows)

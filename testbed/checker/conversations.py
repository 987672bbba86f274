"""Checks the conversations of a contact: opening, closing, scores and windows."""

from collections.abc import Iterator, Sequence

from testbed.checker.matching import MatchedRows
from testbed.checker.report import Defect, Kind
from testbed.checker.stores import FoundConversation
from testbed.traffic.effects import ExpectedContact, ExpectedConversation, time_on_queue
from testbed.traffic.events import HAS_CHAT_ROOM, IN_PROGRESS, Closing, Message, SentEvent, Window

_SCORES = {"weni_csat": "csat", "weni_nps": "nps"}


def check_conversations(
    *, expected: ExpectedContact, rows: Sequence[FoundConversation], matched: MatchedRows
) -> Iterator[Defect]:
    """Yield the defects of a contact's conversations."""
    for row in rows:
        if row.message_count != len(row.archive):
            yield Defect(
                Kind.LOST, f"{row.uuid} counts {row.message_count} of {len(row.archive)} messages"
            )
    for row in [row for row in rows if row.resolution == IN_PROGRESS][1:]:
        yield Defect(Kind.DUPLICATED, f"{row.uuid} is a second open conversation")
    if not expected.contact.is_certain:
        yield from _check_last_window(events=expected.events, rows=rows)
        return
    for row in matched.spurious:
        yield Defect(Kind.DUPLICATED, f"{row.uuid} is empty")
    for number, conversation in expected.conversations.items():
        row_of_it = matched.by_number.get(number)
        if row_of_it:
            yield from _check_opening(conversation, row_of_it)
            yield from _check_closing(conversation, row_of_it)
            yield from _check_scores(conversation, row_of_it)
        elif conversation.closing:
            yield Defect(Kind.LOST, f"the close of {conversation}")
        yield from _check_windows(conversation, row_of_it)


def _check_opening(expected: ExpectedConversation, row: FoundConversation) -> Iterator[Defect]:
    """Yield a defect if the conversation was opened by a later event than its first."""
    opened_by = expected.opened_by
    if opened_by and opened_by.created_at and row.started_at != opened_by.created_at:
        yield Defect(Kind.OUT_OF_ORDER, f"{row.uuid} was not opened by {opened_by.message_id}")


def _check_closing(expected: ExpectedConversation, row: FoundConversation) -> Iterator[Defect]:
    closed_as = (row.resolution, row.has_chats_room)
    wanted = (expected.resolution, expected.resolution == HAS_CHAT_ROOM)
    if not expected.is_closed:
        if row.resolution != IN_PROGRESS:
            yield Defect(Kind.MISATTRIBUTED, f"{row.uuid} was closed without a reason")
        elif row.archive and not expected.earlier_closings:
            yield Defect(Kind.OUT_OF_ORDER, f"{row.uuid} is archived and still open")
    elif row.resolution == IN_PROGRESS:
        yield Defect(Kind.LOST, f"the close of {row.uuid}")
    elif closed_as != wanted or (expected.closing and row.is_closed_by_time):
        yield Defect(Kind.MISATTRIBUTED, f"{row.uuid} was closed by another event or by time")
    elif expected.closes_at:
        if row.closes_at != expected.closes_at:
            yield Defect(
                Kind.OUT_OF_ORDER, f"{row.uuid} has a closing time that is not its project's"
            )
        elif not row.is_closed_by_time:
            yield Defect(
                Kind.OUT_OF_ORDER, f"{row.uuid} was closed before the closing time of its project"
            )


def _check_scores(expected: ExpectedConversation, row: FoundConversation) -> Iterator[Defect]:
    """Yield a defect if a score is not that of the newest answer."""
    for key, field in _SCORES.items():
        found, wanted = getattr(row, field), expected.score(key)
        if found != wanted:
            is_of_earlier = found in expected.scores.get(key, ())
            yield Defect(
                Kind.OUT_OF_ORDER if is_of_earlier else Kind.LOST,
                f"the {field} of {row.uuid} is {found}, and must be {wanted}",
            )


def _check_windows(
    expected: ExpectedConversation, row: FoundConversation | None
) -> Iterator[Defect]:
    """Yield a defect if the id or the name is not that of the last window."""
    found = row.external_id if row else ""
    if not expected.external_ids:
        if found:
            yield Defect(Kind.MISATTRIBUTED, f"{expected} has the window {found}")
        return
    *earlier, last = expected.external_ids
    if found in earlier:
        yield Defect(Kind.OUT_OF_ORDER, f"window {last} before {found}")
    elif found != last:
        yield Defect(Kind.MISATTRIBUTED if found else Kind.LOST, f"window {last} of {expected}")
    elif row and expected.contact_name and row.contact_name != expected.contact_name:
        yield Defect(Kind.LOST, f"the contact name of window {last}")


def _check_last_window(
    *, events: Sequence[SentEvent], rows: Sequence[FoundConversation]
) -> Iterator[Defect]:
    """Yield a defect if no conversation has the id of the last window of a group."""
    found = {row.external_id for row in rows}
    last: dict[str, tuple[SentEvent, Window | Closing]] = {}
    for sent in events:
        effect = sent.event.effect
        if isinstance(effect, Window | Closing) and effect.external_id:
            last[sent.event.group_id] = (sent, effect)
    if len(last) != 1:
        return
    ((window, effect),) = last.values()
    if effect.external_id in found:
        return
    # A takeover that is overtaken marks an earlier conversation. Other windows are then dropped.
    if isinstance(effect, Closing) or not _was_overtaken(window, events=events, rows=rows):
        yield Defect(Kind.LOST, f"window {effect.external_id}")


def _was_overtaken(
    window: SentEvent, *, events: Sequence[SentEvent], rows: Sequence[FoundConversation]
) -> bool:
    """Whether a message of another group whose place is after the window took effect before it.

    Such a message has opened a conversation, or a conversation ended just after its place. Every
    message that was not certainly queued before the window is considered.
    """
    earliest, _ = time_on_queue(window)
    later = [
        sent
        for sent in events
        if isinstance(sent.event.effect, Message)
        and sent.sent_until >= earliest
        and sent.event.group_id != window.event.group_id
    ]
    openings = {
        sent.event.effect.created_at for sent in later if isinstance(sent.event.effect, Message)
    }
    ends = [time_on_queue(sent) for sent in later]
    return any(
        row.started_at in openings
        or (row.ended_at and any(first <= row.ended_at <= last for first, last in ends))
        for row in rows
    )

"""Says of every event that was sent what became of it after the restore."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from testbed.traffic.events import Answer, Closing, Effect, Invalid, Message, SentEvent, Window
from tests.restore.answers import ANSWER_WITH_TEXT
from tests.restore.run import Observed, problems

# Longer than an event waits on the queue. One that was sent this long before the restored time may
# have taken effect after it.
_MAX_LAG = timedelta(seconds=15)


class Fate(StrEnum):
    """What became of an event. The values are rows of the table.

    The findings of the doctor list what is lost. LISTED_BY has the names of their checks.
    """

    ARCHIVED = "message archived once"
    RECORDED = "survey answer recorded"
    RECORDED_WITH_TEXT = "survey answer with a text recorded, and archived once"
    LETTER = "dead letter in PostgreSQL"
    EFFECTIVE = "window, close or takeover before the restored time, or after the restore"
    LOST_ANSWER = "survey answer without a text, lost and listed"
    LOST_LETTER = "dead letter, lost and listed"
    LOST_WINDOW = "window, lost and listed"
    LOST_CLOSING = "close or takeover, lost and listed"
    TWICE = "message archived twice"
    MISSING = "NOT ACCOUNTED FOR"


_LOST: Mapping[type[Effect], Fate] = {
    Answer: Fate.LOST_ANSWER,
    Invalid: Fate.LOST_LETTER,
    Window: Fate.LOST_WINDOW,
    Closing: Fate.LOST_CLOSING,
}
LISTED_BY = {
    Fate.LOST_ANSWER: "restore.answers",
    Fate.LOST_LETTER: "restore.dead_letters",
    Fate.LOST_WINDOW: "restore.windows",
    Fate.LOST_CLOSING: "restore.closes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The number of events by fate, and what is wrong, in words without personal data."""

    fates: Counter[Fate]
    defects: list[str]


def account_for(observed: Observed) -> Account:
    """Return the fates of all events, and every defect."""
    answers = {one.sequence_number for one in observed.stores.answers}
    letters = {one.source_message_id for one in observed.stores.dead_letters}
    fates = [
        (sent, _fate(sent, observed, answers=answers, letters=letters)) for sent in observed.sent
    ]
    return Account(
        fates=Counter(fate for _, fate in fates),
        defects=[
            *(
                f"{fate}: {sent.event.name} {sent.event.number}, sent {sent.sent_from:%H:%M:%S}"
                for sent, fate in fates
                if fate in (Fate.TWICE, Fate.MISSING)
            ),
            *_unlisted({fate for _, fate in fates}, observed),
            *(f"The doctor still finds {one}" for one in problems(observed.found)),
            *_left(observed),
        ],
    )


def _fate(
    sent: SentEvent, observed: Observed, *, answers: Container[int], letters: Container[str]
) -> Fate:
    effect = sent.event.effect
    times = observed.archived.get(sent.sequence_number, 0)
    is_recorded = sent.sequence_number in answers
    if times > 1:
        return Fate.TWICE
    if isinstance(effect, Message):
        return Fate.ARCHIVED if times else Fate.MISSING
    if sent.event.kind == ANSWER_WITH_TEXT:
        return Fate.RECORDED_WITH_TEXT if times and is_recorded else Fate.MISSING
    if isinstance(effect, Invalid) and sent.message_id in letters:
        return Fate.LETTER
    if isinstance(effect, Answer) and is_recorded:
        return Fate.RECORDED
    return _fate_of_absent(sent, observed)


def _fate_of_absent(sent: SentEvent, observed: Observed) -> Fate:
    """Return the fate of an event whose effect is not found, or cannot be told from a row."""
    effect = sent.event.effect
    if _may_be_lost(sent, observed):
        return _LOST[type(effect)]
    return Fate.EFFECTIVE if isinstance(effect, Window | Closing) else Fate.MISSING


def _may_be_lost(sent: SentEvent, observed: Observed) -> bool:
    """Return whether an event may have taken effect between the restored time and the restore."""
    restore = observed.restore
    return restore.restored_to - _MAX_LAG <= sent.sent_until and sent.sent_from < restore.stopped_at


def _unlisted(fates: set[Fate], observed: Observed) -> Iterator[str]:
    for fate in fates:
        check = LISTED_BY.get(fate)
        if check and check not in observed.restore.found:
            yield f"The doctor does not list {check}."


def _left(observed: Observed) -> Iterator[str]:
    stores = observed.stores
    waiting = {
        "on the queue": stores.left_on_queue,
        "in the outbox": stores.left_in_outbox,
        "items of unknown conversations": len(stores.strays),
        "not archived": sum(len(one.stored) for one in stores.conversations),
    }
    for where, number in waiting.items():
        if number:
            yield f"Left {where}: {number}"

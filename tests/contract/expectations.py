"""Compares what became of a shape with its `expect`.

| key | what must hold when the shape has taken effect |
|---|---|
| `stored` | its message is the newest version of its entry, without loss |
| `created_at` | the time of the entry; "queue time" if the producer's is missing or implausible |
| `stamped` | the producer's implausible time, which is kept |
| `text`, `edits` | the text that is shown, and the texts of the versions before it |
| `entries`, `messages` | how many entries have the message's id, and how many there are |
| `deleted` | its entry is there, without content |
| `absent` | it has no entry |
| `shown` | words on the page of the transcript |
| `score` | the answers of its message have these scores, count, and are in the outbox |
| `unscored` | why its answer has no score; the conversation's score does not change |
| `answer` | the values of its answers to other questions |
| `answers` | how many answers the contact has |
| `open`, `closed` | the contact's latest conversation is open, or closed with this resolution |
| `conversation` | fields of the latest conversation |
| `conversations` | how many conversations the contact has |
| `counted` | the worker has counted an event of this type that took effect |
| `unchanged` | nothing that an operator sees has changed |
| `quarantined` | the reason of its dead letter; nothing has changed |
| `says` | words in the sentence of its dead letter |
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.analytics.models import SurveyAnswer
from apps.common.lossless_json import restore
from apps.conversations.models import Resolution
from apps.conversations.places import time_of
from apps.conversations.scores import CSAT_KEY, NPS_KEY
from apps.messages.entries import parse_place, timestamp
from apps.messages.versions import Document, versions_of
from tests.contract.contacts import Contact, in_json, shown_texts
from tests.contract.shapes import Shape

KEYS = {"csat": CSAT_KEY, "nps": NPS_KEY}
QUEUE_TIME = "queue time"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What became of a shape.

    `before` and `after` are its contact. `letter` has the attributes of its dead letter, if it has
    one. `words` is the text of the page with the transcript, if the shape expects any. `counted` is
    how many events of each type the worker has processed since the shape was sent, and `alike` how
    many of the shape's type were sent.
    """

    shape: Shape
    before: Contact
    after: Contact
    letter: Mapping[str, str]
    words: str
    counted: Mapping[str, float]
    alike: int

    @property
    def entry(self) -> Document | None:
        """The entry of the shape's message."""
        return self.after.entry(self.shape)

    @property
    def is_unchanged(self) -> bool:
        """Whether an operator sees no change."""
        return self.before.effects == self.after.effects

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each part of `expect` that does not hold."""
        for key, expected in self.shape.expect.items():
            found = CHECKS[key](self, expected)
            if found != expected:
                yield f"{self.shape.name}: {key}: {expected!r} is expected, but it is {found!r}"
        if bool(self.letter) != ("quarantined" in self.shape.expect):
            yield f"{self.shape.name}: quarantined: {self.letter.get('error', '')}"


def newest(entry: Document) -> Document:
    """Return the newest version of an entry."""
    return versions_of(entry)[-1]


def is_at_queue_time(entry: Document) -> bool:
    """Return whether the time of an entry is the queue time of its event."""
    place = parse_place(entry["place"], home="home")
    return bool(entry["created_at"] == timestamp(time_of(place)))


def unscored_answer(effect: Effect) -> SurveyAnswer | None:
    """Return the answer of a shape's message that has no score, but should have one."""
    answers = (effect.after.answer(effect.shape, key) for key in KEYS.values())
    return next((one for one in answers if one and one.problem), None)


def _of_entry(read: Callable[[Document], Any]) -> Callable[[Effect, Any], Any]:
    """Return a check of the shape's entry, which yields None if there is none."""

    def check(effect: Effect, _expected: Any) -> Any:
        return read(effect.entry) if effect.entry else None

    return check


def _stored(effect: Effect, _expected: bool) -> bool:
    entry = effect.entry
    return entry is not None and restore(newest(entry)["message"]) == effect.shape.message


def _created_at(effect: Effect, expected: str) -> Any:
    entry = effect.entry
    if entry and expected == QUEUE_TIME and is_at_queue_time(entry):
        return QUEUE_TIME
    return entry["created_at"] if entry else None


def _is_deleted(entry: Document) -> bool:
    return bool(entry.get("deleted")) and entry["message"] == {} and "edits" not in entry


def _shown(effect: Effect, expected: list[str]) -> list[str]:
    return [word for word in expected if word.casefold() in effect.words.casefold()]


def _score(effect: Effect, expected: dict[str, int]) -> dict[str, Any]:
    return {name: _score_of(effect, name) for name in expected}


def _score_of(effect: Effect, name: str) -> Any:
    """Return the score that counts, or what is wrong."""
    answer = effect.after.answer(effect.shape, KEYS[name])
    if answer is None:
        return None
    if answer.is_replaced or not answer.lake_event_ids:
        return "the answer does not count"
    if answer.conversation and getattr(answer.conversation, name) != answer.score:
        return "the conversation has another score"
    return answer.score


def _unscored(effect: Effect, _expected: str) -> str | None:
    answer = unscored_answer(effect)
    if answer is None:
        return None
    if answer.score is not None or answer.lake_event_ids or answer.is_replaced:
        return "the answer counts"
    if _scores(effect.before) != _scores(effect.after):
        return "the conversation has another score"
    return str(answer.problem)


def _scores(contact: Contact) -> list[tuple[int | None, int | None]]:
    return [(one.csat, one.nps) for one in contact.conversations]


def _answers(effect: Effect, expected: dict[str, str]) -> dict[str, Any]:
    answers = {key: effect.after.answer(effect.shape, key) for key in expected}
    return {key: answer.value if answer else None for key, answer in answers.items()}


def _is_open(effect: Effect, _expected: bool) -> bool:
    latest = effect.after.latest
    return latest is not None and latest.resolution == Resolution.IN_PROGRESS


def _resolution(effect: Effect, _expected: int) -> Any:
    latest = effect.after.latest
    return latest.resolution if latest and latest.ended_at else None


def _fields(effect: Effect, expected: dict[str, Any]) -> dict[str, Any]:
    return {name: in_json(getattr(effect.after.latest, name, "absent")) for name in expected}


def _counted(effect: Effect, expected: str) -> str | None:
    return expected if effect.counted.get(expected) == effect.alike else None


def _reason(effect: Effect, _expected: str) -> str:
    changed = "" if effect.is_unchanged else ", but something has changed"
    return effect.letter.get("reason", "") + changed


def _says(effect: Effect, expected: list[str]) -> list[str]:
    return [word for word in expected if word in effect.letter.get("error", "")]


CHECKS: Mapping[str, Callable[[Effect, Any], Any]] = {
    "stored": _stored,
    "created_at": _created_at,
    "stamped": _of_entry(lambda entry: entry.get("stamped")),
    "text": _of_entry(lambda entry: shown_texts(entry)[-1]),
    "edits": _of_entry(lambda entry: shown_texts(entry)[:-1]),
    "entries": lambda effect, _: len(effect.after.entries(effect.shape.message_id)),
    "messages": lambda effect, _: len(effect.after.messages),
    "deleted": _of_entry(_is_deleted),
    "absent": lambda effect, _: effect.entry is None,
    "shown": _shown,
    "score": _score,
    "unscored": _unscored,
    "answer": _answers,
    "answers": lambda effect, _: len(effect.after.answers),
    "open": _is_open,
    "closed": _resolution,
    "conversation": _fields,
    "conversations": lambda effect, _: len(effect.after.conversations),
    "counted": _counted,
    "unchanged": lambda effect, _: effect.is_unchanged,
    "quarantined": _reason,
    "says": _says,
}

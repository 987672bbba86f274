"""The messages of the benchmark, with ids as WhatsApp has them."""

import random
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from apps.common.lossless_json import dump
from apps.messages.entries import MessageEntry
from bench.common.texts import LANGUAGES, bot_answers, contact_messages
from celery_sqs_fifo.place import Place

GROUP = "5f0c2f3a-6b1d-4a57-9c39-0e6a1d2b7c41:a3b1d0c2-74c5-4f0e-8a5d-9e2f6c7b1d02:whatsapp:1"
CONTACT, BOT, LONG = "messages of contacts", "answers of bots", "two answers in one message"
# Each text is stored with this number of ids and times.
COPIES = 5
_NAMES = ("Ana Souza", "Rodrigo Fernández", "Hannah Lee", "João Batista de Oliveira Neto")
_FIRST_DAY = datetime(2026, 11, 23, tzinfo=UTC)
_DAY_MICROSECONDS = 24 * 3600 * 1_000_000
_FIRST_NUMBER, _NUMBERS = 18_890_000_000_000_000_000, 10**17


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Messages of one kind in one language, with the texts that they have."""

    kind: str
    language: str
    texts: Sequence[str]
    entries: Sequence[MessageEntry]


def samples() -> list[Sample]:
    """Return the messages of each kind and language, always the same."""
    rng = random.Random(0)  # noqa: S311 (repeatable, not secret)
    found = []
    for code, language in LANGUAGES.items():
        answers = bot_answers(language=code)
        for kind, texts in (
            (CONTACT, contact_messages(language=code)),
            (BOT, answers),
            (LONG, ["\n\n".join(both) for both in pairwise(answers)]),
        ):
            entries = [
                message(text, is_sent=kind != CONTACT, rng=rng)
                for text in texts
                for _ in range(COPIES)
            ]
            found.append(Sample(kind=kind, language=language, texts=texts, entries=entries))
    return found


def message(text: str, *, is_sent: bool, rng: random.Random) -> MessageEntry:
    """Return a message with this text, and with a random id, time and place."""
    at = _FIRST_DAY + timedelta(microseconds=rng.randrange(_DAY_MICROSECONDS))
    message_id = _whatsapp_id(is_sent=is_sent, rng=rng)
    number = _FIRST_NUMBER + rng.randrange(_NUMBERS)
    return MessageEntry(
        message_id=message_id,
        at=at,
        stamped="",
        place=Place(int(at.timestamp() * 1_000), number, GROUP),
        event_type="message.sent" if is_sent else "message.received",
        correlation_id=str(UUID(int=rng.getrandbits(128), version=4)),
        message={
            "id": message_id,
            "text": text,
            "source": "outgoing" if is_sent else "incoming",
            "created_at": at.isoformat(),
            "contact_name": rng.choice(_NAMES),
        },
        extra={},
    )


def body_and_key(entry: MessageEntry) -> tuple[bytes, str]:
    """Return the JSON of a message as it is stored, and its key."""
    return dump(entry.as_json(home=GROUP)).encode(), entry.key(home=GROUP)


def _whatsapp_id(*, is_sent: bool, rng: random.Random) -> str:
    """Return an id like those of WhatsApp: a phone number and a random number in base64."""
    phone = "55" + "".join(rng.choices("0123456789", k=11))
    number = "".join(rng.choices("0123456789ABCDEF", k=18 if is_sent else 20))
    packed = (
        b"\x1c\x18%c%b" % (len(phone), phone.encode())
        + b"\x15\x02\x00%b\x18" % (b"\x11" if is_sent else b"\x12")
        + b"%c%b\x00" % (len(number), number.encode())
    )
    return f"wamid.{b64encode(packed).decode()}"

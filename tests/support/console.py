"""Fills the stores for tests of the console: a shop with some days of conversations."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from apps.conversations.models import Conversation, Resolution
from apps.conversations.project_models import Project
from apps.messages.entries import MessageEntry
from tests.support.builders import entry
from tests.support.figures import answers, closed, made_project
from tests.support.stored import archive_many

SECOND = timedelta(seconds=1)
LAST_DAY = date(2026, 11, 23)
# Pages must show these as plain text.
HOSTILE_NAME = '<script>alert("name")</script>\N{RIGHT-TO-LEFT OVERRIDE}eman'
HOSTILE_TEXT = "<img src=x onerror=alert(1)> & \"'</p>"
ARABIC = "\u0645\u0631\u062d\u0628\u0627\u060c \u0623\u064a\u0646 \u0637\u0644\u0628\u064a\u061f"

# What messages carry besides text, in the forms of several platforms.
CARRIED: tuple[dict[str, Any], ...] = (
    {"attachments": [{"type": "image", "url": "https://media.example.org/1.jpg?x=1"}]},
    {"attachments": [{"type": "audio", "voice": True, "duration": 7}]},
    {"location": {"latitude": -23.5505199, "longitude": -46.63330941, "name": "Loja"}},
    {"contacts": [{"name": {"formatted_name": "Rui"}, "phones": [{"phone": "+5511900000009"}]}]},
    {"interactive": {"type": "list_reply", "list_reply": {"id": "r2", "title": "Entrega"}}},
    {"template": {"name": "order_update", "language": "pt_BR"}},
    {"attachments": [{"type": "sticker", "animated": True}]},
    {"attachments": [{"type": "story_mention", "url": f"https://media.example.org/{'4' * 200}"}]},
    {"order": {"product_items": [{"product_retailer_id": "p1", "quantity": 2}]}},
    {"attachments": [{"type": "image", "url": "javascript:alert(1)", "caption": HOSTILE_TEXT}]},
    {"context": {"id": "edited"}},
    {"context": {"id": "of-another-page"}},
    {"reaction": {"message_id": "edited", "emoji": "👍🏽"}},
    {"reaction": {"message_id": "edited", "emoji": ""}},
    {"reaction": {"message_id": "edited", "emoji": HOSTILE_TEXT}},
    {"unknown": {"of-a-platform": HOSTILE_TEXT}},
)

_RESOLUTIONS = (
    *(Resolution.RESOLVED,) * 5,
    *(Resolution.UNRESOLVED,) * 2,
    *(Resolution.UNCLASSIFIED,) * 3,
    Resolution.HAS_CHAT_ROOM,
)


def made_shop(*, name: str = "Shop") -> Project:
    """Store the default project with a name, and return it."""
    project = made_project(timezone="America/Sao_Paulo")
    project.name = name
    project.save()
    return project


def made_days(number: int, *, a_day: int = 12) -> None:
    """Store `a_day` conversations on each of the last days. The third last day has none."""
    random = Random(7)  # noqa: S311 (no secret)
    for back in range(number):
        if back != 2:
            for _ in range(a_day):
                _made_conversation(random, day=LAST_DAY - timedelta(days=back))


def _made_conversation(random: Random, *, day: date) -> None:
    hour = min(23, max(0, round(random.gauss(14, 4))))
    at = datetime(day.year, day.month, day.day, hour, random.randrange(60), tzinfo=UTC)
    length = random.randrange(1, 30)
    end = at + timedelta(minutes=random.randrange(5, 300))
    conversation = closed(
        end,
        resolution=random.choice(_RESOLUTIONS),
        messages=length,
        span=(at, end),
        opened_at=at,
        contact_wrote=random.random() < 0.8,
    )
    for key, scores in (("weni_csat", (1, 2, 3, 4, 4, 5, 5, 5)), ("weni_nps", range(11))):
        if random.random() < 0.6:
            weights = [score + 1 for score in scores]
            (score,) = random.choices(list(scores), weights)
            answers([score], at=end, key=key, conversation=conversation)
            setattr(conversation, key.removeprefix("weni_"), score)
    conversation.contact_name = random.choice(("Ana", "Bia", "Caio", "Davi", "Eva", ""))
    conversation.save()


def chat_entry(
    number: int,
    text: Any,
    *,
    at: datetime,
    sent: bool = False,
    message_id: str = "",
    more: Mapping[str, Any] | None = None,
) -> MessageEntry:
    """Return a message of the contact or of the platform, `number` minutes after `at`."""
    return entry(
        message_id=message_id or f"m-{number}",
        at=at + timedelta(minutes=number),
        sequence_number=number + 1,
        text=text,
        message=more,
        event_type="message.sent" if sent else "message.received",
    )


def made_chat(*, at: datetime, name: str = "Ana") -> Conversation:
    """Store a closed and archived conversation with everything that a transcript can show."""
    conversation = closed(
        at + timedelta(minutes=30),
        resolution=Resolution.RESOLVED,
        opened_at=at,
        span=(at, at + timedelta(minutes=9)),
        contact_wrote=True,
    )
    conversation.contact_name = name
    # The scores of the answers below that count.
    conversation.csat, conversation.nps = 5, 0
    conversation.save()
    archive_many(
        conversation_uuid=conversation.uuid,
        entries=[
            chat_entry(
                0, "Hello! I am the assistant of the shop. How can I help?", at=at, sent=True
            ),
            chat_entry(1, "Where is my ordr 1042?", at=at, message_id="edited"),
            chat_entry(2, "Where is my order 1042? 📦", at=at, message_id="edited"),
            chat_entry(
                3, "It left our warehouse today.\nYou will have it on Friday.", at=at, sent=True
            ),
            chat_entry(4, HOSTILE_TEXT, at=at),
            chat_entry(5, ARABIC, at=at),
            chat_entry(6, "with a NUL: \\u0000, a half \\ud83d, a path C:\\u005cu0041", at=at),
            chat_entry(7, "", at=at, more={"attachments": ["image/png"]}),
            chat_entry(9, "a-word-without-an-end-" * 20, at=at, sent=True),
            *_carrying(at=at + timedelta(minutes=9)),
        ],
    )
    answered_at = at + timedelta(minutes=20)
    answers([2], at=answered_at - timedelta(minutes=1), conversation=conversation, is_replaced=True)
    answers([5], at=answered_at, conversation=conversation)
    answers([0], at=answered_at, key="weni_nps", conversation=conversation)
    return conversation


def _carrying(*, at: datetime) -> list[MessageEntry]:
    """Return a message for each of CARRIED, and one that its producer has sent twice."""
    contents = [("", more) for more in CARRIED] + [("Is anybody there?", {})] * 2
    return [
        entry(
            message_id=f"carries-{number}",
            at=at + number * SECOND,
            sequence_number=100 + number,
            text=text,
            message=more,
        )
        for number, (text, more) in enumerate(contents)
    ]

"""A transcript shows in words what a message carries, and keeps all other fields visible."""

import json
from typing import Any

import pytest

from apps.common.lossless_json import parse
from apps.messages.chat import Bubble, Link, Piece
from tests.support.rows import bubble_of, message

JPEG = "https://media.example.org/1.jpg"
LINK = Link(address=JPEG, shown="media.example.org/1.jpg")


def sent(**fields: Any) -> Bubble:
    """Return the row of a message with these fields."""
    return bubble_of(message(text="", more=fields))


def piece_of(**fields: Any) -> Piece:
    """Return what a message carries. Fails if it is not one thing, or if a field is left over."""
    bubble = sent(**fields)
    (piece,) = bubble.pieces
    assert bubble.more == ""
    return piece


@pytest.mark.parametrize(
    ("attachment", "shown"),
    [
        (
            {"type": "image", "mime_type": "image/jpeg", "url": JPEG, "caption": "a nota"},
            Piece(kind="Image", text="a nota\nimage/jpeg", link=LINK),
        ),
        (
            {"type": "audio", "voice": True, "duration": 7, "url": JPEG},
            Piece(kind="Voice message", text="7 s", link=LINK),
        ),
        (
            {"type": "sticker", "animated": True, "url": JPEG},
            Piece(kind="Animated sticker", link=LINK),
        ),
        ({"type": "story_mention", "url": JPEG}, Piece(kind="Mention in a story", link=LINK)),
        ({"type": "file", "payload": {"url": JPEG}}, Piece(kind="Document", link=LINK)),
        ({"content_type": "video/mp4"}, Piece(kind="Video", text="video/mp4")),
        ({"type": "hologram", "url": JPEG}, Piece(kind="Attachment", text="hologram", link=LINK)),
        (JPEG, Piece(kind="Attachment", link=LINK)),
        (f"image/jpeg:{JPEG}", Piece(kind="Image", text="image/jpeg", link=LINK)),
        ("geo:-23.55,-46.63", Piece(kind="Location", text="-23.55,-46.63")),
        ("image/png", Piece(kind="Image", text="image/png")),
        ("a photo", Piece(kind="Attachment", text="a photo")),
    ],
)
def test_an_attachment_is_shown_by_its_kind_its_caption_and_a_link(
    attachment: Any, shown: Piece
) -> None:
    assert piece_of(attachments=[attachment]) == shown
    assert piece_of(attachments=attachment) == shown


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        (
            {"type": "image", "image": {"link": JPEG, "caption": "a nota"}},
            Piece(kind="Image", text="a nota", link=LINK),
        ),
        ({"voice": {"duration": 3}}, Piece(kind="Voice message", text="3 s")),
        (
            {"document": {"filename": "bill.pdf", "mime_type": "application/pdf"}},
            Piece(kind="Document", text="bill.pdf\napplication/pdf"),
        ),
        ({"sticker": JPEG}, Piece(kind="Sticker", link=LINK)),
        (
            {"location": {"latitude": -23.5505199, "longitude": -46.63330941, "name": "Loja"}},
            Piece(kind="Location", text="Loja\n-23.5505199, -46.63330941"),
        ),
        (
            {
                "contacts": [
                    {"name": {"formatted_name": "Rui"}, "phones": [{"phone": "+5511900000009"}]}
                ]
            },
            Piece(kind="Contact", text="Rui\n+5511900000009"),
        ),
        (
            {"contact": {"first_name": "Rui", "last_name": "Reis", "phone_number": "55119"}},
            Piece(kind="Contact", text="Rui Reis\n55119"),
        ),
        (
            {
                "interactive": {
                    "type": "list_reply",
                    "list_reply": {"title": "Entrega", "description": "Onde está"},
                }
            },
            Piece(kind="List reply", text="Entrega\nOnde está"),
        ),
        (
            {"interactive": {"type": "button_reply", "button_reply": {"title": "Sim"}}},
            Piece(kind="Button reply", text="Sim"),
        ),
        ({"button": {"text": "Sim"}}, Piece(kind="Button reply", text="Sim")),
        ({"quick_replies": ["Sim", {"title": "Não"}]}, Piece(kind="Options", text="Sim\nNão")),
        (
            {
                "template": {
                    "name": "order_update",
                    "language": "pt_BR",
                    "components": [
                        {"type": "body", "parameters": [{"type": "text", "text": "123"}]}
                    ],
                }
            },
            Piece(kind="Template", text="order_update (pt_BR)\nbody: 123"),
        ),
        (
            {"template": {"name": "hello", "language": {"code": "en"}}},
            Piece(kind="Template", text="hello (en)"),
        ),
        (
            {
                "order": {
                    "text": "please",
                    "product_items": [
                        {
                            "product_retailer_id": "p1",
                            "quantity": 2,
                            "item_price": 19.9,
                            "currency": "BRL",
                        }
                    ],
                }
            },
            Piece(kind="Order", text="please\n2 of p1, 19.9 BRL"),
        ),
        ({"subject": "Your order"}, Piece(kind="Subject", text="Your order")),
        ({"context": {"forwarded": True}}, Piece(kind="Forwarded")),
    ],
)
def test_what_a_message_carries_is_shown_in_words(fields: Any, shown: Piece) -> None:
    assert piece_of(**fields) == shown


def test_a_question_is_shown_with_its_options() -> None:
    action = {
        "buttons": [{"reply": {"title": "Sim"}}],
        "sections": [{"title": "Outras", "rows": [{"title": "Mais", "description": "tudo"}]}],
    }
    bubble = sent(interactive={"type": "list", "body": {"text": "Quer?"}, "action": action})

    assert bubble.pieces == [
        Piece(kind="Question", text="Quer?"),
        Piece(kind="Options", text="Sim\nOutras\nMais: tudo"),
    ]
    assert bubble.more == ""


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({"source": "incoming"}, ""),
        ({"source": "a campaign"}, '{"source":"a campaign"}'),
        ({"volume": 3, "source": "incoming"}, '{"source":"incoming","volume":3}'),
        ({"location": {"name": "Loja", "accuracy": 5}}, '{"location":{"accuracy":5}}'),
        ({"attachments": [{"url": "ftp://x"}]}, '{"attachments":[{"url":"ftp://x"}]}'),
        ({"attachments": [[1]]}, '{"attachments":[[1]]}'),
        ({"interactive": "yes"}, '{"interactive":"yes"}'),
        ({"flags": {"a": None, "b": "", "c": False}}, '{"flags":{"c":false}}'),
        ({"type": "image"}, '{"type":"image"}'),
        ({"volume": parse("1e400")}, '{"volume":1e400}'),
        ({"note": parse(r'"\u0000 \\u0041"')}, r'{"note":"\u0000 \\u0041"}'),
    ],
)
def test_what_is_not_shown_in_words_is_shown_as_json(fields: Any, more: str) -> None:
    assert sent(**fields).more == more


def test_the_items_of_a_long_list_that_are_not_shown_in_words_are_shown_as_json() -> None:
    bubble = sent(attachments=[f"file {number}" for number in range(60)])

    assert bubble.pieces[-1].text == "file 49"
    assert json.loads(bubble.more) == {"attachments": [f"file {n}" for n in range(50, 60)]}


def test_fields_of_the_event_are_shown_too() -> None:
    document = {**message(), "extra": {"data": {"campaign": "c-1"}}}

    assert bubble_of(document).more == '{"data":{"campaign":"c-1"}}'


def test_a_text_in_an_object_is_the_text() -> None:
    bubble = bubble_of(message(text={"body": "olá", "preview_url": False}))

    assert (bubble.text, bubble.more) == ("olá", '{"text":{"preview_url":false}}')


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "//media.example.org/1", "http://", "https://[x/"],
)
def test_only_web_addresses_are_links(address: str) -> None:
    bubble = sent(attachments=[{"type": "image", "url": address}])

    assert bubble.pieces == [Piece(kind="Image")]
    assert address in bubble.more


def test_a_link_shows_its_real_host() -> None:
    address = "https://bank.example.org@evil.example.net/login?token=1"
    (piece,) = sent(attachments=[address]).pieces

    assert piece.link == Link(address=address, shown="evil.example.net/login")


def test_the_newest_version_is_shown_and_the_earlier_one_keeps_its_own_fields() -> None:
    first = message(0, "look", more={"contact_name": "Ana", "attachments": [JPEG]})
    first["edits"] = [message(1, "look here", more={"contact_name": "Ana S.", "volume": 2})]

    bubble = bubble_of(first)

    assert (bubble.author, bubble.text, bubble.pieces) == ("Ana S.", "look here", [])
    assert bubble.more == '{"volume":2}'
    (earlier,) = bubble.earlier
    assert (earlier.text, earlier.more) == ("look", "")
    assert earlier.pieces == [Piece(kind="Attachment", link=LINK)]


def test_a_message_has_its_delivery_status() -> None:
    assert bubble_of({**message(), "status": "read"}).status == "read"
    assert bubble_of(message()).status == ""

"""A transcript shows which message another one answers, and reactions under their messages."""

from typing import Any

from apps.messages.chat import Piece, Reaction, Reference
from tests.support.rows import bubble_of, bubbles_of, message

QUESTION = message(0, "Quer entrega?\nOu retira?", message_id="q", sent=True)


def reaction(
    number: int, emoji: str, *, text: str = "", to: Any = "q", **fields: Any
) -> dict[str, Any]:
    """Return a reaction of the contact, by default to the question."""
    return message(number, text, more={"reaction": {"message_id": to, "emoji": emoji}}, **fields)


def test_an_answer_refers_to_the_message_that_it_answers() -> None:
    question, answer = bubbles_of(QUESTION, message(1, "Entrega", more={"context": {"id": "q"}}))

    assert answer.answers == Reference(
        message_id="q",
        anchor=question.anchor,
        author="Platform",
        when="09:00",
        excerpt="Quer entrega?",
    )
    assert (answer.more, question.answers) == ("", None)


def test_an_answer_to_a_message_that_is_not_on_the_page_names_its_id() -> None:
    bubble = bubble_of(message(more={"in_reply_to": "gone"}))

    assert bubble.answers == Reference(message_id="gone")


def test_of_two_messages_with_the_same_id_that_of_the_other_side_is_answered() -> None:
    theirs = message(0, "meu", message_id="1")
    ours = message(1, "seu", message_id="1", sent=True)

    *_, answer = bubbles_of(theirs, ours, message(2, "ok", more={"reply_to": 1}))

    assert answer.answers
    assert answer.answers.excerpt == "seu"


def test_a_deleted_message_is_not_quoted() -> None:
    deleted = {**QUESTION, "message": {}, "deleted": {"at": QUESTION["created_at"], "place": "0-1"}}

    _, answer = bubbles_of(deleted, message(1, "Entrega", more={"context": {"id": "q"}}))

    assert answer.answers
    assert answer.answers.excerpt == "a deleted message"


def test_a_message_without_text_is_quoted_by_what_it_carries() -> None:
    photo = message(0, "", message_id="p", more={"attachments": ["image/png"]})

    _, answer = bubbles_of(photo, message(1, "linda", more={"reply_to": {"message_id": "p"}}))

    assert answer.answers
    assert answer.answers.excerpt == "Image"


def test_a_reaction_is_shown_under_its_message_only() -> None:
    (question,) = bubbles_of(QUESTION, reaction(1, "👍🏽"))

    assert question.reactions == [Reaction(emoji="👍🏽", author="Ana Stored", when="09:01")]


def test_a_removed_reaction_stays_visible_with_the_time_of_its_removal() -> None:
    (question,) = bubbles_of(QUESTION, reaction(1, "👍🏽"), reaction(2, ""))

    assert [(one.emoji, one.ended) for one in question.reactions] == [("👍🏽", "09:02")]


def test_a_reaction_replaces_the_earlier_one_of_the_same_side() -> None:
    ours = message(
        2, "", message_id="r", sent=True, more={"reaction": {"message_id": "q", "emoji": "❤️"}}
    )

    (question,) = bubbles_of(QUESTION, reaction(1, "👍🏽"), ours, reaction(3, "😕"))

    assert [(one.emoji, one.author, one.ended) for one in question.reactions] == [
        ("👍🏽", "Ana Stored", "09:03"),
        ("❤️", "Platform", ""),
        ("😕", "Ana Stored", ""),
    ]


def test_a_reaction_by_its_other_name_can_be_removed() -> None:
    removal = message(2, "", more={"reaction": {"mid": "q", "action": "unreact", "emoji": "👍🏽"}})

    (question,) = bubbles_of(QUESTION, reaction(1, "👍🏽"), removal)

    assert question.reactions[0].ended == "09:02"


def test_a_reaction_with_a_text_of_its_own_has_its_own_row_too() -> None:
    question, own = bubbles_of(QUESTION, reaction(1, "👍🏽", text="oi"))

    assert [one.emoji for one in question.reactions] == ["👍🏽"]
    assert (own.text, own.pieces) == ("oi", [Piece(kind="Reaction", text="👍🏽")])
    assert own.answers
    assert own.answers.anchor == question.anchor


def test_reactions_to_a_message_that_is_not_on_the_page_have_their_own_rows() -> None:
    given, removed = bubbles_of(reaction(1, "👍🏽", to="gone"), reaction(2, "", to="gone"))

    assert given.pieces == [Piece(kind="Reaction", text="👍🏽")]
    assert removed.pieces == [Piece(kind="Reaction removed")]
    assert given.answers == removed.answers == Reference(message_id="gone")


def test_the_removal_of_a_reaction_that_is_not_on_the_page_has_its_own_row() -> None:
    question, removed = bubbles_of(QUESTION, reaction(1, ""))

    assert question.reactions == []
    assert removed.pieces == [Piece(kind="Reaction removed")]


def test_a_reaction_to_a_reaction_has_its_own_row_which_leads_to_the_message() -> None:
    first = reaction(1, "👍", message_id="r")

    question, second = bubbles_of(QUESTION, first, reaction(2, "🎉", to="r", sent=True))

    assert [one.emoji for one in question.reactions] == ["👍"]
    assert second.pieces == [Piece(kind="Reaction", text="🎉")]
    assert second.answers == Reference(
        message_id="r", anchor=question.anchor, author="Ana Stored", when="09:01", excerpt="👍"
    )


def test_reactions_to_each_other_have_rows_of_their_own() -> None:
    one, other = bubbles_of(
        reaction(1, "👍", message_id="r", to="s"), reaction(2, "🎉", message_id="s", to="r")
    )

    assert [bubble.pieces[0].text for bubble in (one, other)] == ["👍", "🎉"]
    assert one.answers
    assert other.answers
    assert (one.answers.anchor, other.answers.anchor) == (other.anchor, one.anchor)


def test_an_answer_to_a_reaction_leads_to_the_message_that_shows_the_reaction() -> None:
    answer = message(2, "obrigado", sent=True, more={"reply_to": "r"})

    question, answered = bubbles_of(QUESTION, reaction(1, "👍", message_id="r"), answer)

    assert answered.answers
    assert (answered.answers.anchor, answered.answers.excerpt) == (question.anchor, "👍")


def test_a_reaction_that_also_answers_another_message_has_its_own_row_too() -> None:
    both = message(1, "", more={"reaction": {"id": "q", "emoji": "👍"}, "reply_to": "gone"})
    same = message(2, "", more={"reaction": {"id": "q", "emoji": "❤️"}, "reply_to": "q"})

    question, own = bubbles_of(QUESTION, both, same)

    assert [one.emoji for one in question.reactions] == ["👍", "❤️"]
    assert own.more == '{"reply_to":"gone"}'


def test_a_removal_that_is_shown_in_its_own_row_names_its_emoji() -> None:
    removal = {"message_id": "gone", "action": "unreact", "emoji": "👍"}

    bubble = bubble_of(message(more={"reaction": removal}, text=""))

    assert bubble.pieces == [Piece(kind="Reaction removed", text="👍")]

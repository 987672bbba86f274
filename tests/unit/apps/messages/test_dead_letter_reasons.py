"""Every reason of a dead letter that the documentation lists has a sentence."""

import pytest

from apps.messages.dead_letter_format import REASON_MISSING, REASON_MOVED_BY_SQS
from apps.messages.dead_letter_reasons import SENTENCES, sentence_of
from tests.support.pages import page, table_of

EVENTS = page("docs/events.md")
MALFORMED = table_of(EVENTS, head="what is wrong")
OTHERS = table_of(EVENTS, head="what happened")
LISTED = {row[1].strip("`") for row in (*MALFORMED, *OTHERS)}


def test_every_reason_in_the_documentation_has_a_sentence() -> None:
    assert len(LISTED) > 10
    assert SENTENCES.keys() == LISTED | {REASON_MOVED_BY_SQS, REASON_MISSING}


@pytest.mark.parametrize("reason", SENTENCES)
def test_a_reason_is_shown_as_a_sentence(reason: str) -> None:
    sentence = sentence_of(reason)

    assert sentence[0].isupper()
    assert sentence.endswith(".")


def test_a_reason_of_another_release_is_shown_as_it_is() -> None:
    assert sentence_of("of_the_next_release") == "of_the_next_release"

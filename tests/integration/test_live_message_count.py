"""The page of a conversation shows how many messages DynamoDB has, and the list asks for none."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from django.test import Client
from django.urls import reverse

from apps.common.aws import dynamodb_client
from apps.messages import message_table, store
from apps.messages.admin import conversations
from tests.support.admin import operator
from tests.support.builders import NOON, conversation, entries, target

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("aws")]

MODEL = "conversations_conversation"


def stored(*, number: int, size: int = 5) -> str:
    """Store a conversation with messages in DynamoDB. Return the address of its page."""
    one = conversation(opened_at=NOON)
    for message in entries(number=number, size=size):
        store.put(target=target(one.uuid), entry=message, now=NOON)
    return reverse(f"admin:{MODEL}_change", args=[one.pk])


def page(client: Client, url: str) -> str:
    """Return the text of a page."""
    answer = client.get(url, secure=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_conversation_in_progress_shows_the_number_of_its_messages() -> None:
    url = stored(number=3)

    assert ">3 (each version of a message counts" in page(operator(), url)


def test_a_long_conversation_is_counted_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MAX_COUNTED_PAGES", 2)
    pages: Any = message_table.pages
    monkeypatch.setattr(
        message_table, "pages", lambda *of, **options: pages(*of, Limit=1, **options)
    )
    url = stored(number=3)

    assert ">at least 2 (each version of a message counts" in page(operator(), url)


def test_a_sentence_says_that_dynamodb_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    url = stored(number=1)
    answer_every_call(EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), monkeypatch)

    assert "DynamoDB does not answer. Reload the page in a minute." in page(operator(), url)


def test_the_list_does_not_ask_dynamodb(monkeypatch: pytest.MonkeyPatch) -> None:
    stored(number=3)
    answer_every_call(AssertionError("The list called DynamoDB."), monkeypatch)

    assert "In progress" in page(operator(), reverse(f"admin:{MODEL}_changelist"))


def answer_every_call(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every call of DynamoDB raise this error."""

    def fail(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(dynamodb_client(), "_make_api_call", fail)

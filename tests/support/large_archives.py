"""Conversations that are too large for memory: stored, archived in a new process, and read.

No function here holds more than one part of an archive in memory.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from apps.common import clock
from apps.conversations.models import Conversation, Resolution
from apps.messages import store
from apps.messages.archiving import migrate
from apps.messages.entries import MessageEntry
from apps.messages.models import ConversationMessages
from embedded.service import PROJECT_ROOT
from embedded.stack import Stack
from tests.support.builders import HOME, NOON, conversation, entry, noise, target
from tests.support.stored import unarchived_items

MEGABYTE = 1_000_000
# SQS takes bodies up to 1 MiB; this leaves room for the rest of the event.
MAX_TEXT_LENGTH = 1_048_000
_AT_ONCE = 500
_EDITED = "edited"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The costs of archiving in a new process. `grown` is in bytes."""

    moved: int
    grown: int
    calls: dict[str, int]
    calls_while_locked: int


@dataclass(frozen=True, kw_only=True)
class LargeConversation:
    """A closed conversation with `number` messages, each with a text of `size` characters."""

    uuid: UUID
    number: int
    size: int

    @classmethod
    def stored(cls, *, number: int, size: int) -> "LargeConversation":
        """Store a conversation with all its messages in DynamoDB."""
        uuid = conversation(resolution=Resolution.RESOLVED, ended_at=NOON).uuid
        large = cls(uuid=uuid, number=number, size=size)
        large._store(large._message(index) for index in range(number))
        return large

    def store_edits(self, *, every: int) -> int:
        """Store an edit of every nth message. Return the number of edits."""
        edited = range(0, self.number, every)
        self._store(
            self._message(index, text=_EDITED, sequence_number=self.number + index)
            for index in edited
        )
        return len(edited)

    def migrate_late_message(self) -> int:
        """Store and archive a message that belongs in the middle.

        Return how many parts were written.
        """
        before = self._part_versions()
        half = timedelta(seconds=self.number // 2, milliseconds=500)
        late = entry(message_id="late", at=NOON + half, sequence_number=self.number)
        store.put(target=target(self.uuid), entry=late, now=clock.now())
        assert migrate(conversation_uuid=self.uuid, now=clock.now()).own == 1
        return len(self._part_versions() - before)

    def check_archive(self) -> None:
        """Fail unless the archive has exactly these messages, once, complete and in order."""
        expected = (self._message(index).as_json(home=HOME) for index in range(self.number))
        for found, wanted in zip(self._archived(), expected, strict=True):
            found.pop("edits", None)
            # pytest's own comparison would take minutes for a megabyte.
            same = found == wanted
            assert same, f"{found['id']} is not {wanted['id']}, or not as it was stored"
        stored = Conversation.objects.get(uuid=self.uuid)
        assert stored.message_count == self.number
        assert stored.archived_at is not None
        assert unarchived_items() == []

    def archived_ids(self) -> list[str]:
        """Return the ids of all messages, in the order of the archive."""
        return [document["id"] for document in self._archived()]

    def edits(self) -> int:
        """Return the number of edits in the archive."""
        return sum(len(document.get("edits", ())) for document in self._archived())

    def _archived(self) -> Iterator[dict[str, Any]]:
        parts = ConversationMessages.objects.filter(conversation=self.uuid).order_by("part")
        for part in parts.values_list("part", flat=True):
            yield from parts.get(part=part).messages

    def _part_versions(self) -> set[tuple[int, str]]:
        """Return the parts, with the transactions that wrote them."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT part, xmin::text FROM conversation_messages_conversationmessages"
                " WHERE conversation_id = %s",
                [self.uuid],
            )
            return set(cursor.fetchall())

    def _message(
        self, index: int, *, text: str | None = None, sequence_number: int | None = None
    ) -> MessageEntry:
        return entry(
            message_id=f"m-{index:05d}",
            at=NOON + timedelta(seconds=index),
            sequence_number=index if sequence_number is None else sequence_number,
            text=text or f"{index:05d}{noise(max(0, self.size - 5))}",
        )

    def _store(self, entries: Iterator[MessageEntry]) -> None:
        while some := list(islice(entries, _AT_ONCE if self.size < MEGABYTE else 1)):
            store.put_all(entries=[(target(self.uuid), one) for one in some], now=clock.now())


def check_archiving(*, number: int, size: int, max_growth: int, stack: Stack) -> None:
    """Archive a conversation of `number` messages. Fail unless memory and locks stay bounded.

    `size` is the length of each text in characters, and `max_growth` the limit of the process's
    growth in bytes. A late message must change only one part of the archive.
    """
    large = LargeConversation.stored(number=number, size=size)

    measured = migrate_measured(large.uuid, stack=stack)

    large.check_archive()
    assert measured.moved == number
    assert measured.calls["Query"] > 1
    assert measured.calls_while_locked == 0
    assert measured.grown < max_growth

    assert large.migrate_late_message() == 1
    ids = large.archived_ids()
    assert ids.index("late") == number // 2 + 1
    assert len(ids) == number + 1


def migrate_measured(conversation_uuid: UUID, *, stack: Stack) -> Measured:
    """Archive a conversation in a new process, and return the costs."""
    database = connection.get_connection_params()
    parts = stack.environment["DATABASE_URL"].rpartition("/")
    environment = {
        **os.environ,
        "DATABASE_URL": f"{parts[0]}/{database['dbname']}",
        "DYNAMODB_MESSAGE_TABLE": settings.DYNAMODB_MESSAGE_TABLE,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "WARNING",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.measured_migration", str(conversation_uuid)],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return Measured(**json.loads(done.stdout))

"""The dead letters of a contact in PostgreSQL, also those that cannot be read."""

import base64
import hashlib
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.common.lossless_json import unescape
from apps.conversations.erasing import group_hash, is_erased
from apps.messages.dead_letter_format import body_of, contact_of, own_attributes, place_of
from apps.messages.models import DeadLetter

PAGE = 50
# Producers shorten the hash, because a group id with a whole SHA-256 would be too long.
MIN_HASH = 16
# How often a text may be quoted in another one, as JSON in a text in JSON is.
MAX_NESTING = 3

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_UUID = "[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}"
# As a field of an event, or at the beginning of a message group.
_PROJECT = re.compile(rf"project_uuid\W{{1,9}}({_UUID})|\A({_UUID}):", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ContactLetters:
    """The rule that decides whether a dead letter is a contact's.

    If the letter names a contact as events do, that decides: a letter of another contact may quote
    this one. Any other letter, such as one that is not JSON, is the contact's in two cases: if its
    event came from one of the groups with these hashes; or if its group, body or attributes have
    the contact's URN, or its SHA-256 that stands for it in a group id, and name no other project.
    """

    project_uuid: UUID
    urn: str
    group_hashes: Collection[str]

    def include(self, letter: DeadLetter) -> bool:
        """Return whether a letter is the contact's."""
        contact = contact_of(letter)
        if contact is not None:
            return contact == (self.project_uuid, self.urn)
        return group_hash(letter.group_id) in self.group_hashes or self._is_in_texts(letter)

    def candidates(self) -> QuerySet[DeadLetter]:
        """Return the letters that name the contact or nobody."""
        names_contact = Q(project_uuid=self.project_uuid, contact_urn=self.urn)
        names_nobody = Q(project_uuid=None) | Q(contact_urn="")
        return DeadLetter.objects.filter(names_contact | names_nobody)

    def _is_in_texts(self, letter: DeadLetter) -> bool:
        texts = [one for text in _texts(letter) for one in _readings(text)]
        if not any(self._pattern.search(text) for text in texts):
            return False
        projects = {letter.project_uuid} if letter.project_uuid else set()
        projects.update(project for text in texts for project in _projects(text))
        return not projects or self.project_uuid in projects

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Match the URN where it is not a part of a longer word, number or address."""
        urn = unescape(self.urn)
        hashed = hashlib.sha256(urn.encode(errors="surrogatepass")).hexdigest()
        names = rf"{re.escape(urn)}|{hashed[:MIN_HASH]}[0-9a-f]*"
        return re.compile(rf"(?<!\w)(?:{names})(?!\w|[.@-]\w)")


def count(wanted: ContactLetters) -> int:
    """Return how many dead letters of a contact are in PostgreSQL."""
    return sum(1 for _ in _found(wanted))


def delete(wanted: ContactLetters) -> int:
    """Delete those of a contact's letters that were queued before an erasure of the contact.

    Return how many there were.
    """
    erased = [
        letter.pk
        for letter in _found(wanted)
        if is_erased(project_uuid=wanted.project_uuid, urn=wanted.urn, place=place_of(letter))
    ]
    deleted, _ = DeadLetter.objects.filter(pk__in=erased).delete()
    return deleted


def _found(wanted: ContactLetters) -> Iterator[DeadLetter]:
    # A server-side cursor works behind a pooler only inside a transaction.
    with transaction.atomic():
        for letter in wanted.candidates().iterator(chunk_size=PAGE):
            if wanted.include(letter):
                yield letter


def _texts(letter: DeadLetter) -> Iterator[str]:
    yield letter.group_id
    yield body_of(letter)
    for name, attribute in own_attributes(letter).items():
        value = attribute.get("StringValue") or attribute["BinaryValue"].decode(errors="replace")
        yield f"{name}: {value}"


def _readings(text: str) -> set[str]:
    """Return a text, and what it contains in JSON, percent-encoded or in base64."""
    readings = {text}
    for _ in range(MAX_NESTING):
        readings |= {decoded for reading in readings for decoded in _decoded(reading)}
    return readings


def _decoded(text: str) -> Iterator[str]:
    if "\\" in text:
        unescaped = _ESCAPE.sub(_unescaped, text)
        # A character outside the basic plane is two escapes in JSON.
        yield unescaped.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "%" in text:
        yield unquote(text)
    for found in _BASE64.finditer(text):
        with suppress(ValueError):
            yield base64.b64decode(found[0]).decode()


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return " " if found[2] in "bfnrt" else found[2]


def _projects(text: str) -> Iterator[UUID]:
    """Yield the projects that a text names. The nil UUID names none."""
    for found in _PROJECT.finditer(text):
        uuid = UUID(found[1] or found[2])
        if uuid.int:
            yield uuid

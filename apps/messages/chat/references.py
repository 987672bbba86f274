"""Which message on the page another one answers or reacts to."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.messages.chat.contents import Contents
from apps.messages.chat.fields import shorten
from apps.messages.chat.rows import Reaction, Reference, Version
from apps.messages.versions import Document

MAX_EXCERPT_LENGTH = 80


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draft:
    """A message before the others on its page are known to it.

    `contents` is the newest version, and `versions` are all of them. `message_id` can be shown.
    """

    document: Document
    message_id: str
    anchor: str
    at: datetime
    when: str
    author: str
    label: str
    is_of_contact: bool
    contents: Contents
    versions: Sequence[Version]

    @property
    def is_deleted(self) -> bool:
        """Return whether the author deleted the message."""
        return bool(self.document.get("deleted"))

    @property
    def is_only_reaction(self) -> bool:
        """Return whether there is nothing to show but a reaction to another message."""
        contents, reaction = self.contents, self.contents.reaction
        return (
            reaction is not None
            and contents.text in ("", reaction.emoji)
            and not contents.pieces
            and not contents.more
            and len(self.versions) == 1
        )


@dataclass(slots=True, kw_only=True)
class _PlacedReaction:
    """A reaction under its message, and the message that removed or replaced it."""

    emoji: str
    by: Draft
    ended_by: Draft | None = None


class Page:
    """The messages of a page, by their ids."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self._by_id: defaultdict[str, list[Draft]] = defaultdict(list)
        for draft in drafts:
            self._by_id[draft.message_id].append(draft)
        self._reactions: defaultdict[str, list[_PlacedReaction]] = defaultdict(list)
        # The message under which a reaction is shown, by the anchor of the reaction.
        self._placed: dict[str, Draft] = {}
        for draft in drafts:
            self._place_reaction(draft)

    def has_elsewhere(self, draft: Draft) -> bool:
        """Return whether all of a message is shown under another one: it is only a reaction."""
        return draft.is_only_reaction and draft.anchor in self._placed

    def reference(self, message_id: str, *, of: Draft) -> Reference | None:
        """Return the message with this id that a message names, or None if it names none."""
        if not message_id:
            return None
        found = self._find(message_id, of=of)
        if found is None:
            return Reference(message_id=message_id)
        row = self._placed[found.anchor] if self.has_elsewhere(found) else found
        return Reference(
            message_id=message_id,
            anchor=row.anchor,
            author=found.author,
            when=found.when,
            excerpt=_excerpt(found),
        )

    def reactions(self, draft: Draft) -> list[Reaction]:
        """Return the reactions to a message, oldest first."""
        return [
            Reaction(
                emoji=placed.emoji,
                author=placed.by.author,
                when=placed.by.when,
                ended=placed.ended_by.when if placed.ended_by else "",
            )
            for placed in self._reactions[draft.anchor]
        ]

    def _find(self, message_id: str, *, of: Draft) -> Draft | None:
        """Return the message with this id: that of the other side if both sides have one."""
        others = [draft for draft in self._by_id.get(message_id, ()) if draft is not of]
        others = [draft for draft in others if draft.contents.reaction is None] or others
        return min(others, key=lambda draft: draft.is_of_contact == of.is_of_contact, default=None)

    def _place_reaction(self, draft: Draft) -> None:
        """Add a reaction to its message, in place of the earlier one of the same side.

        A message that is only a reaction may have no row of its own, so nothing is shown under it.
        """
        reaction = draft.contents.reaction
        target = self._find(reaction.message_id, of=draft) if reaction else None
        if reaction is None or target is None or target.is_only_reaction:
            return
        reactions = self._reactions[target.anchor]
        before = [
            placed
            for placed in reactions
            if placed.by.is_of_contact == draft.is_of_contact and not placed.ended_by
        ]
        for placed in before:
            placed.ended_by = draft
        if not reaction.is_removal:
            reactions.append(_PlacedReaction(emoji=reaction.emoji, by=draft))
        if before or not reaction.is_removal:
            self._placed[draft.anchor] = target


def _excerpt(draft: Draft) -> str:
    if draft.is_deleted:
        return _("a deleted message")
    first_line = draft.contents.text.strip().partition("\n")[0]
    kinds = ", ".join(piece.kind for piece in draft.contents.pieces)
    reaction = draft.contents.reaction
    emoji = reaction.emoji if reaction else ""
    return shorten(first_line or kinds or emoji, MAX_EXCERPT_LENGTH)

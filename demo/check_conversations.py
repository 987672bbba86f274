"""Compares the conversations that were found, and their messages, with what must be there."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from demo.expectations import Expectations, ExpectedConversation, ExpectedVersion
from demo.findings import Findings, FoundConversation, FoundMessage, FoundVersion
from demo.problems import Kind, Problem


def check_conversations(expected: Expectations, found: Findings) -> Iterator[Problem]:
    """Messages and state of every conversation, and which conversations there are."""
    wanted = defaultdict(list)
    for conversation in expected.conversations.values():
        name = conversation.name
        wanted[name.project_uuid, name.channel_uuid, name.contact_urn].append(conversation)
    there = found.conversations_by_contact()
    for contact in {**wanted, **there}:
        conversations = sorted(wanted[contact], key=lambda each: each.name.number)
        yield from _check_contact(conversations, there.get(contact, []))


def _check_contact(
    wanted: list[ExpectedConversation], there: list[FoundConversation]
) -> Iterator[Problem]:
    for conversation in wanted[len(there) :]:
        yield Problem(Kind.LOST, f"{conversation.name} was never opened")
    for surplus in there[len(wanted) :]:
        yield Problem(Kind.DUPLICATED, f"conversation {surplus.uuid} was opened by nothing")
    known = {message_id for conversation in wanted for message_id in conversation.messages}
    for place in there:
        for message in [*place.archive, *place.in_progress]:
            if message.message_id not in known:
                yield Problem(Kind.DUPLICATED, f"message {message.message_id} was never sent")
    for index, conversation in enumerate(wanted):
        here = there[index] if index < len(there) else None
        for message_id, versions in conversation.messages.items():
            yield from _check_message(message_id, versions, conversation, here, there)
        if here:
            yield from _check_state(conversation, here)
            yield from _check_closing(conversation, here)
            yield from _check_order(conversation, here)


def _check_message(
    message_id: str,
    versions: list[ExpectedVersion],
    conversation: ExpectedConversation,
    here: FoundConversation | None,
    everywhere: list[FoundConversation],
) -> Iterator[Problem]:
    """A message must be once in its conversation: in the archive once that one is closed."""
    copies = [
        (place, is_archived, message)
        for place in everywhere
        for is_archived, messages in ((True, place.archive), (False, place.in_progress))
        for message in messages
        if message.message_id == message_id
    ]
    what = f"message {message_id} of {conversation.name}"
    if not copies:
        yield Problem(Kind.LOST, f"{what} is nowhere")
        return
    for _ in copies[1:]:
        yield Problem(Kind.DUPLICATED, f"{what} is kept more than once")
    # One that is where it should be speaks for all copies.
    copies.sort(key=lambda copy: (copy[0] is here, copy[1] == conversation.is_closed))
    place, is_archived, message = copies[-1]
    if place is not here:
        yield Problem(Kind.OUT_OF_ORDER, f"{what} is in another conversation")
    elif is_archived != conversation.is_closed:
        state = "is archived too early" if is_archived else "did not reach the archive"
        yield Problem(Kind.LOST, f"{what} {state}")
    yield from _check_versions(what, versions, message)


def _check_versions(
    what: str, versions: list[ExpectedVersion], message: FoundMessage
) -> Iterator[Problem]:
    wanted = sorted(versions, key=lambda version: version.position)
    remaining = list(message.versions)
    for version in wanted:
        match = next((each for each in remaining if each.document == version.document), None)
        if match is None:
            yield Problem(Kind.LOST, f"{what} is not whole, or an edit of it is missing")
            continue
        remaining.remove(match)
        if not _is_at_its_time(version, match):
            yield Problem(Kind.OUT_OF_ORDER, f"{what} has another time than it was sent with")
    for _ in remaining:
        yield Problem(Kind.DUPLICATED, f"{what} has a version that was never sent, or has it twice")
    kept = [each.document for each in message.versions]
    if not remaining and len(kept) == len(wanted) and kept != [each.document for each in wanted]:
        yield Problem(Kind.OUT_OF_ORDER, f"the versions of {what} are not in queue order")


def _is_at_its_time(version: ExpectedVersion, found: FoundVersion) -> bool:
    """SQS's times are whole milliseconds."""
    earliest = version.earliest
    if version.earliest != version.latest:
        earliest = earliest.replace(microsecond=earliest.microsecond // 1000 * 1000)
    return earliest <= found.at <= version.latest


def _check_order(conversation: ExpectedConversation, here: FoundConversation) -> Iterator[Problem]:
    rank = {message_id: place for place, message_id in enumerate(conversation.transcript)}
    ranks = [rank[each.message_id] for each in here.archive if each.message_id in rank]
    for before, after in pairwise(ranks):
        if after < before:
            message_id = conversation.transcript[after]
            what = f"message {message_id} of {conversation.name} stands after later ones"
            yield Problem(Kind.OUT_OF_ORDER, what)


def _check_state(conversation: ExpectedConversation, here: FoundConversation) -> Iterator[Problem]:
    pairs = {
        "resolution": (conversation.resolution, here.resolution),
        "csat": (conversation.scores.get("weni_csat"), here.csat),
        "nps": (conversation.scores.get("weni_nps"), here.nps),
        "external_id": (conversation.external_id or "", here.external_id),
        "message_count": (
            len(conversation.messages) if conversation.is_closed else 0,
            here.message_count,
        ),
    }
    if conversation.contact_name is not None:
        pairs["contact_name"] = (conversation.contact_name, here.contact_name)
    for name, (wanted, there) in pairs.items():
        if wanted != there:
            yield Problem(Kind.LOST, f"the {name} of {conversation.name} is not what was sent")


def _check_closing(
    conversation: ExpectedConversation, here: FoundConversation
) -> Iterator[Problem]:
    """The clock closes what no event has, at the time of its own project and not before."""
    if not conversation.closes_at:
        if conversation.is_closed and here.is_closed_by_time:
            yield Problem(Kind.LOST, f"{conversation.name} was closed by time, not by its event")
    elif here.closes_at != conversation.closes_at:
        what = f"{conversation.name} has another closing time than its project"
        yield Problem(Kind.OUT_OF_ORDER, what)
    elif here.ended_at and here.ended_at < conversation.closes_at:
        what = f"{conversation.name} was closed before the closing time of its project"
        yield Problem(Kind.OUT_OF_ORDER, what)

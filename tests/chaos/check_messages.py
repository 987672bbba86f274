"""Every version of every message is there once, in the conversation that it belongs to."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.chaos.check_conversations import Homes
from tests.chaos.defects import Defects, Kind
from tests.chaos.found import FoundConversation
from tests.chaos.plan import Message, PlannedEvent, Trait

Version = tuple[str, int]


def check_messages(
    *,
    events: Sequence[PlannedEvent],
    rows: Sequence[FoundConversation],
    homes: Homes,
    defects: Defects,
) -> None:
    """Of one contact."""
    places = _places(rows)
    expected: dict[Version, tuple[PlannedEvent, Message]] = {}
    for event in events:
        if isinstance(event.effect, Message):
            version = (event.effect.message_id, event.effect.version)
            expected.setdefault(version, (event, event.effect))
    for version, (event, message) in expected.items():
        where = places.pop(version, [])
        if not where:
            defects.add(Kind.LOST, f"{_named(version)} of {event.group_id}")
        elif len(where) > 1:
            defects.add_all(Kind.DUPLICATED, [f"{_named(version)} in {where}"] * (len(where) - 1))
        if where and message.conversation and homes.uuid_of(message.conversation) not in where:
            defects.add(
                Kind.MISATTRIBUTED,
                f"{_named(version)} of conversation {message.conversation} is in {where[0]}",
            )
    for version, where in places.items():
        defects.add(Kind.DUPLICATED, f"{_named(version)} was never sent and is in {where}")
    if events and events[0].contact.trait is Trait.TIMED:
        _check_runs(expected=list(expected), rows=rows, defects=defects)


def _places(rows: Sequence[FoundConversation]) -> dict[Version, list[str]]:
    """Where each version is; twice in one conversation is twice here.

    What a closed conversation has in its archive and in DynamoDB as well is stuck, not doubled.
    """
    places: defaultdict[Version, list[str]] = defaultdict(list)
    for row in rows:
        archived = list(_versions(row, of="archive"))
        for version in archived:
            places[version].append(row.uuid)
        for version in _versions(row, of="stored"):
            if version not in archived:
                places[version].append(row.uuid)
    return places


def _versions(row: FoundConversation, *, of: str) -> Iterator[Version]:
    for message in row.archive if of == "archive" else row.stored:
        for version in message.versions:
            yield message.message_id, version_of(version.text)


def version_of(text: str) -> int:
    """The generator's texts begin with the id and the version, as in "m-1 v2"; 0 for others."""
    words = text.split(maxsplit=2)
    is_told = len(words) > 1 and words[1][:1] == "v" and words[1][1:].isdigit()
    return int(words[1][1:]) if is_told else 0


def _check_runs(
    *, expected: Sequence[Version], rows: Sequence[FoundConversation], defects: Defects
) -> None:
    """Nobody but the service knows where a closing by time cut, but it cut once.

    In the order of the queue, the messages of each conversation stand together.
    """
    home = {version: row.uuid for row in rows for version in _all_versions(row)}
    first_versions = [home[version] for version in expected if version[1] == 1 and version in home]
    seen: list[str] = []
    for uuid in first_versions:
        if seen and uuid == seen[-1]:
            continue
        if uuid in seen:
            defects.add(Kind.MISATTRIBUTED, f"{uuid} goes on after a later conversation began")
        seen.append(uuid)


def _all_versions(row: FoundConversation) -> Iterator[Version]:
    yield from _versions(row, of="archive")
    yield from _versions(row, of="stored")


def _named(version: Version) -> str:
    return f"{version[0]} v{version[1]}"

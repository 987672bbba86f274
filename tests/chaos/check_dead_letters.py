"""Poison events are in the dead letters, each once, and nothing else is."""

from collections import defaultdict
from collections.abc import Sequence

from tests.chaos.defects import Defects, Kind
from tests.chaos.found import FoundDeadLetter, Stores
from tests.chaos.plan import PlannedEvent, Poison


def given_up(*, sent: Sequence[PlannedEvent], stores: Stores) -> set[int]:
    """The numbers of healthy events that are dead letters. No two events have the same body."""
    bodies = {letter.body for letter in stores.dead_letters}
    return {
        event.number
        for event in sent
        if not isinstance(event.effect, Poison) and event.body in bodies
    }


def check_dead_letters(*, sent: Sequence[PlannedEvent], stores: Stores, defects: Defects) -> None:
    """By their bodies, which are kept whole. A healthy event that was given up is lost."""
    letters: defaultdict[str, list[FoundDeadLetter]] = defaultdict(list)
    for letter in stores.dead_letters:
        letters[letter.body].append(letter)
    for event in sent:
        found = letters.pop(event.body, [])
        match event.effect:
            case Poison(token=token, reason=reason):
                if not found or found[0].reason != reason:
                    defects.add(Kind.LOST, f"poison {token} ({reason})")
                defects.add_all(Kind.DUPLICATED, [f"poison {token}"] * (len(found) - 1))
            case _:
                where = f"event {event.number} was given up"
                defects.add_all(Kind.LOST, (f"{where}: {letter.reason}" for letter in found))
    for letters_of_nobody in letters.values():
        reason = letters_of_nobody[0].reason
        where = f"dead letter of nobody ({reason}): {letters_of_nobody[0].body[:80]}"
        defects.add_all(Kind.DUPLICATED, [where] * len(letters_of_nobody))

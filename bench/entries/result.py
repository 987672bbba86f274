"""The result of the benchmark of stored messages. Sizes and write units are averages."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What storing a message costs. The CPU times to make and to read its item are in µs."""

    write_units: float
    bytes: float
    writing: float
    reading: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Messages of one kind in one language, stored as text and as the service stores them.

    `characters` is the average length of their texts. `compressed` is the share of them that the
    service compresses.
    """

    name: str
    language: str
    messages: int
    characters: float
    compressed: float
    before: Cost
    after: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to store the answers of bots, whether or not it saves a write unit.

    `write_units_of_long` are those of two answers in one message. `longest` is how many characters
    a text may have to cost one write unit.
    """

    name: str
    bytes: float
    write_units: float
    write_units_of_long: float
    longest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The write units of a contact's message and the answer, in two items and in one."""

    pairs: int
    apart: float
    together: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """The result of one run. A CPU time is the shortest of the rounds."""

    rounds: int
    kinds: Sequence[Kind]
    ways: Sequence[Way]
    pairs: Pairs

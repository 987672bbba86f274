"""Adapters, which read events that producers write in another form than docs/events.md.

Each module of this package is one adapter and defines it as ADAPTER. The setting EVENT_ADAPTERS
names the modules that are used. They are imported when they are first used, because the settings
check the names before Django's models can be imported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class QueueMessage:
    """The decoded JSON of a message on the queue, and the texts of its message attributes."""

    document: Any
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """Reads one form of messages.

    `adapt` returns what a message of this form means, as a new message, and None for every other
    message. It raises InvalidEvent for a message of this form that cannot be read. `attributes` are
    the names of the message attributes that it reads.
    """

    adapt: Callable[[QueueMessage], QueueMessage | None]
    attributes: Sequence[str] = ()


def names() -> list[str]:
    """Return the names of all adapters, which are the names of the modules of this package."""
    return sorted(module.name for module in iter_modules(__path__))


@cache
def load(name: str) -> Adapter:
    """Return the adapter with this name."""
    adapter: Adapter = import_module(f"{__name__}.{name}").ADAPTER
    return adapter

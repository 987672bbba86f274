"""The time zones of the installed tz database, and the nearest to a name that is none of them.

Names come from `zoneinfo`: the system's database, or else that of the pinned package `tzdata`.
Imports nothing of Django, so that the settings can be read with it.
"""

import re
import zoneinfo
from difflib import SequenceMatcher
from functools import lru_cache
from heapq import nlargest

EXAMPLE = "America/Sao_Paulo"
# No places: one means whatever this machine is set to, the other that nothing is set.
_NOT_ZONES = frozenset({"localtime", "Factory"})
_MAX_NAME_LENGTH = 64
_NEAREST = 3
_MIN_LIKENESS = 0.6
_MIN_PREFIX_LENGTH = 3
_PREFIX_LIKENESS = 0.9
_FIXED_OFFSET = re.compile(r"(?:etc/)?(?:utc|gmt)?([+-])0?([0-9]{1,2})(?::?00)?")


def is_known(name: str) -> bool:
    """Whether the installed tz database has a zone of exactly this name."""
    return name in _known()


def unknown_sentence(name: str) -> str:
    """What to tell whoever gave a name that is no zone: the nearest names, where there are any."""
    said = f'"{name[:_MAX_NAME_LENGTH]}" is not a time zone of the tz database.'
    offset = _with_fixed_offset(name)
    if offset:
        return (
            f"{said} Use a place such as {EXAMPLE}, or {offset}: the signs of such names are the "
            "other way round."
        )
    nearest = nearest_names(name)
    if nearest:
        return f"{said} Did you mean {' or '.join(nearest)}?"
    return f"{said} Use a name such as {EXAMPLE}."


@lru_cache(maxsize=1_000)
def nearest_names(name: str) -> tuple[str, ...]:
    """Up to three zones whose name, or the last part of it, is most like this one; best first.

    Case, and what stands between words, do not count. Where some are the same but for that, only
    those are given.
    """
    if len(name) > _MAX_NAME_LENGTH:
        return ()
    likeness = {zone: _likeness(name, zone) for zone in sorted(_known())}
    nearest = nlargest(_NEAREST, likeness, key=likeness.__getitem__)
    least = 1.0 if likeness[nearest[0]] == 1 else _MIN_LIKENESS
    return tuple(zone for zone in nearest if likeness[zone] >= least)


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones() - _NOT_ZONES)


def _with_fixed_offset(name: str) -> str:
    """The zone that "GMT-3" or "UTC-03:00" mean: Etc/GMT+3, whose sign is POSIX's."""
    offset = _FIXED_OFFSET.fullmatch("".join(name.split()).casefold())
    if not offset:
        return ""
    zone = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{offset[2]}"
    return zone if is_known(zone) else ""


def _likeness(name: str, zone: str) -> float:
    """From 0 to 1, of the whole names or of their last parts."""
    name, zone = _comparable(name), _comparable(zone)
    pairs = ((name, zone), (_last_part(name), _last_part(zone)))
    likeness = max(SequenceMatcher(a=one, b=other).ratio() for one, other in pairs)
    begins_alike = len(name) >= _MIN_PREFIX_LENGTH and _last_part(zone).startswith(name)
    return max(likeness, _PREFIX_LIKENESS) if begins_alike else likeness


def _comparable(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]

"""The time zones of the installed tz database, and suggestions for an unknown name.

Names come from `zoneinfo`: from the system's database, or else from the pinned package `tzdata`.
The settings import this module, so it does not import Django.
"""

import re
import zoneinfo
from collections.abc import Callable
from difflib import SequenceMatcher
from functools import lru_cache
from heapq import nlargest

EXAMPLE = "America/Sao_Paulo"
# These depend on the machine: its own setting, and a placeholder for a missing setting.
_NOT_ZONES = frozenset({"localtime", "Factory"})
_MAX_NAME_LENGTH = 64
_MAX_SUGGESTIONS = 3
_MIN_SIMILARITY = 0.6
_MIN_PREFIX_LENGTH = 3
_PREFIX_SIMILARITY = 0.9
_FIXED_OFFSET = re.compile(r"(?:etc/)?(?:utc|gmt)?([+-])0?([0-9]{1,2})(?::?00)?")


def is_known(name: str) -> bool:
    """Return whether the installed tz database has a zone of exactly this name."""
    return name in _known()


def unknown_zone_message(name: str, *, translate: Callable[[str], str] = str) -> str:
    """Return an error message for an unknown name, with the nearest names if there are any.

    `translate` is Django's gettext for a page. Settings and commands have the message in English.
    """
    sentence = translate('"%(name)s" is not a time zone of the tz database.')
    advice = translate("Use a name such as %(example)s.")
    offset, nearest = _with_fixed_offset(name), nearest_names(name)
    if offset:
        advice = translate(
            "Use a place such as %(example)s, or %(offset)s: the signs in these names are reversed."
        )
    elif nearest:
        advice = translate("Did you mean %(names)s?")
    return f"{sentence} {advice}" % {
        "name": name[:_MAX_NAME_LENGTH],
        "example": EXAMPLE,
        "offset": offset,
        "names": translate(" or ").join(nearest),
    }


@lru_cache(maxsize=1_000)
def nearest_names(name: str) -> tuple[str, ...]:
    """Return up to three zones whose name or last part is similar to this name, best first.

    Case and the separators between words are ignored. If some zones differ from the name only in
    these, no other zones are returned.
    """
    if len(name) > _MAX_NAME_LENGTH:
        return ()
    similarity = {zone: _similarity(name, zone) for zone in sorted(_known())}
    nearest = nlargest(_MAX_SUGGESTIONS, similarity, key=similarity.__getitem__)
    threshold = 1.0 if similarity[nearest[0]] == 1 else _MIN_SIMILARITY
    return tuple(zone for zone in nearest if similarity[zone] >= threshold)


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones() - _NOT_ZONES)


def _with_fixed_offset(name: str) -> str:
    """Return the zone for an offset: Etc/GMT+3 for "GMT-3" (the signs are POSIX's), else ""."""
    offset = _FIXED_OFFSET.fullmatch("".join(name.split()).casefold())
    if not offset:
        return ""
    zone = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{offset[2]}"
    return zone if is_known(zone) else ""


def _similarity(name: str, zone: str) -> float:
    """Return the similarity of the whole names or of their last parts, from 0 to 1."""
    name, zone = _comparable(name), _comparable(zone)
    pairs = ((name, zone), (_last_part(name), _last_part(zone)))
    similarity = max(SequenceMatcher(a=one, b=other).ratio() for one, other in pairs)
    begins_alike = len(name) >= _MIN_PREFIX_LENGTH and _last_part(zone).startswith(name)
    return max(similarity, _PREFIX_SIMILARITY) if begins_alike else similarity


def _comparable(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]

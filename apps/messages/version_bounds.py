"""Bounds on the versions of one message, so that no entry of an archive grows without end.

A producer may edit a message any number of times. An entry keeps the first version and the newest
ones. It counts the versions that it drops, and keeps up to MAX_DIGESTS of their digests. So merging
a dropped version again changes nothing, and the order of merges does not matter.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from apps.common.lossless_json import dump

MAX_EDITS = 100
# The bytes of JSON of all edits of an entry. The newest edit is kept whatever its size is.
MAX_EDIT_BYTES = 2_000_000
# A dropped version without a digest is counted again if it is merged again.
MAX_DIGESTS = 10_000
DIGEST_LENGTH = 16

Document = dict[str, Any]


def merge_bounded(
    versions: Sequence[Document], *, merged: Sequence[Document], key: Callable[[Document], str]
) -> Document:
    """Return one entry for the versions of a message: the first version, with later ones as edits.

    `versions` are in order, oldest first. `merged` are the entries that contained these versions;
    their records of dropped versions are merged too. `key` returns a text that identifies a
    version.
    """
    before = [one["dropped"] for one in merged if "dropped" in one]
    first, *later = versions
    # If the first version was sent again, that copy may have been dropped before this one came.
    known = {digest for one in before for digest in one["digests"]} - {_digest(key(first))}
    edits = [version for version in later if _digest(key(version)) not in known]
    kept = _newest(edits)
    newly = {_digest(key(version)) for version in edits[: len(edits) - len(kept)]}
    entry = first | ({"edits": kept} if kept else {})
    if known or newly:
        unrecorded = max((one["count"] - len(one["digests"]) for one in before), default=0)
        entry["dropped"] = {
            "count": len(known | newly) + unrecorded,
            "digests": sorted(known | newly)[:MAX_DIGESTS],
        }
    return entry


def has_dropped(entry: Document, version_key: str) -> bool:
    """Return whether an entry has dropped this version.

    Also return True if some dropped versions have no digest, because this may be one of them.
    """
    dropped = entry.get("dropped")
    if not dropped:
        return False
    return _digest(version_key) in dropped["digests"] or dropped["count"] > len(dropped["digests"])


def dropped_count(entry: Document) -> int:
    """Return how many versions an entry has dropped."""
    return int(entry["dropped"]["count"]) if "dropped" in entry else 0


def _newest(edits: Sequence[Document]) -> list[Document]:
    kept: list[Document] = []
    size = 0
    for edit in reversed(edits[-MAX_EDITS:]):
        size += len(dump(edit).encode())
        if kept and size > MAX_EDIT_BYTES:
            break
        kept.insert(0, edit)
    return kept


def _digest(version_key: str) -> str:
    return hashlib.sha256(version_key.encode()).hexdigest()[:DIGEST_LENGTH]

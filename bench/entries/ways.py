"""Ways to store the answers of bots that the service does not use, for comparison."""

import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean

from apps.messages import compression
from bench.entries.messages import BOT, CONTACT, LONG, Sample, body_and_key, message
from bench.entries.result import Pairs, Way
from testbed.dynamodb.items import write_units

# The size of an item without the value of `entry`, and that of `dictionary` with its value.
_ITEM_BYTES = len(
    "conversation_uuid" + "-" * 36 + "message_key" + "-" * 34 + "entry" + "expires_at" + "-" * 10
)
_DICTIONARY_BYTES = len("dictionary1")
# In the dictionary, JSON keys follow the phrases.
_FIRST_KEY = b'"components"'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoding:
    """How a body is stored, and how many bytes an item has besides it."""

    name: str
    encode: Callable[[bytes], bytes]
    besides: int = _ITEM_BYTES

    def size(self, body: bytes) -> int:
        return self.besides + len(self.encode(body))

    def units(self, body: bytes) -> int:
        return write_units(self.size(body))


def measured_ways(samples: Sequence[Sample]) -> list[Way]:
    """Return the costs of each way to store the answers of bots."""
    return [_way(encoding, samples) for encoding in _encodings()]


def measured_pairs(samples: Sequence[Sample]) -> Pairs:
    """Return the write units of two messages in two items, and of the same messages in one."""
    encoding = _encodings()[-1]
    pairs = [
        pair
        for both in zip(_of_kind(samples, CONTACT), _of_kind(samples, BOT), strict=True)
        for pair in zip(*map(_bodies, both), strict=False)
    ]
    return Pairs(
        pairs=len(pairs),
        apart=fmean(sum(map(encoding.units, pair)) for pair in pairs),
        together=fmean(encoding.units(b",".join(pair)) for pair in pairs),
    )


def _encodings() -> list[_Encoding]:
    whole = compression.read_dictionary(compression.DICTIONARY)
    keys = whole[whole.index(_FIRST_KEY) :]
    besides = _ITEM_BYTES + _DICTIONARY_BYTES
    return [
        _Encoding(name="as text", encode=lambda body: body),
        _Encoding(name="zlib without a dictionary", encode=zlib.compress),
        _Encoding(
            name=f"zlib, only the JSON keys of the dictionary ({len(keys):,} bytes)",
            encode=lambda body: _with_dictionary(body, keys),
            besides=besides,
        ),
        _Encoding(
            name=f"zlib, the whole dictionary ({len(whole):,} bytes)",
            encode=compression.compress,
            besides=besides,
        ),
    ]


def _with_dictionary(body: bytes, dictionary: bytes) -> bytes:
    compressor = zlib.compressobj(zdict=dictionary)
    return compressor.compress(body) + compressor.flush()


def _way(encoding: _Encoding, samples: Sequence[Sample]) -> Way:
    bodies, long = ([*chain(*map(_bodies, _of_kind(samples, kind)))] for kind in (BOT, LONG))
    texts = [" ".join(sample.texts) for sample in _of_kind(samples, BOT)]
    return Way(
        name=encoding.name,
        bytes=fmean(map(encoding.size, bodies)),
        write_units=fmean(map(encoding.units, bodies)),
        write_units_of_long=fmean(map(encoding.units, long)),
        longest=round(fmean(_longest(encoding, text) for text in texts)),
    )


def _of_kind(samples: Sequence[Sample], kind: str) -> list[Sample]:
    """Return the samples of a kind, one for each language."""
    return [sample for sample in samples if sample.kind == kind]


def _bodies(sample: Sample) -> list[bytes]:
    return [body_and_key(entry)[0] for entry in sample.entries]


def _longest(encoding: _Encoding, text: str) -> int:
    """Return the number of characters at the beginning of a text that cost one write unit."""
    return next(
        length - 1 for length in range(1, len(text)) if encoding.units(_body_of(text[:length])) > 1
    )


def _body_of(text: str) -> bytes:
    return body_and_key(message(text, is_sent=True, rng=random.Random(0)))[0]  # noqa: S311

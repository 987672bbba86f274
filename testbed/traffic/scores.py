"""The values of survey answers: scores in the forms of different producers, and other values."""

import random
from collections.abc import Callable
from typing import Any, NamedTuple

SCORES = {"weni_csat": range(1, 6), "weni_nps": range(11)}
# The keys of answers. The last has no score.
KEYS = (*SCORES, "order_status")

# The share of answers whose value is not a score. Such values, and the texts that are recorded.
_UNSCORABLE = 0.08
_NO_SCORES: tuple[tuple[Any, str], ...] = (
    ("11", "11"),
    ("-1", "-1"),
    ("very good", "very good"),
    ("4.5", "4.5"),
    (True, "true"),
    (None, ""),
    ("", ""),
)
_FULL_WIDTH = str.maketrans({str(digit): chr(0xFF10 + digit) for digit in range(10)})
_FORMS: tuple[Callable[[int], Any], ...] = (
    str,
    int,
    float,
    lambda score: f"{score}.0",
    lambda score: f" {score:02d} ",
    lambda score: str(score).translate(_FULL_WIDTH),
    lambda score: "".join(f"{digit}\ufe0f\u20e3" for digit in str(score)),
)


class Value(NamedTuple):
    """The value of an answer as it is sent and as it is recorded, and its score.

    If it is `unscorable`, it has no score although its key has scores.
    """

    sent: Any
    recorded: str
    score: int | None = None
    unscorable: bool = False


def value_for(key: str, *, token: str, rng: random.Random) -> Value:
    """Return a value for this key, which is the token if the key has no scores."""
    if key not in SCORES:
        return Value(token, token)
    if rng.random() < _UNSCORABLE:
        return Value(*rng.choice(_NO_SCORES), unscorable=True)
    score = rng.choice(SCORES[key])
    return Value(rng.choice(_FORMS)(score), str(score), score)

"""What is measured of conversations and answers: the parts of which all figures are sums.

Each part is a measure, a value and a number: 12 conversations opened in the hour 9, 3 closed as
resolved, 2 with a duration of 600 seconds. Parts of disjoint sets of rows can be added, so the
figures of a year are the sums of those of its days. See ADR 40.
"""

from collections.abc import Mapping
from enum import IntEnum


class Measure(IntEnum):
    """What a part measures. Its values are in the comment; those without one have the value 0.

    The numbers are stored, and must not change their meaning.
    """

    OPENED = 1  # the local hour
    CLOSED = 2  # the resolution
    OUTREACH = 3
    ANSWERED = 4
    ARCHIVED = 5
    MESSAGES = 6
    CSAT = 7  # the score
    NPS = 8  # the score
    # The measures from here on are distributions. They have many values, so most figures read them
    # for the whole period only.
    LENGTH = 9  # messages
    DURATION = 10  # seconds
    FIRST_RESPONSE = 11  # seconds
    TO_RESOLUTION = 12  # seconds


LENGTHS = (Measure.LENGTH, Measure.DURATION)
TIMES = (Measure.FIRST_RESPONSE, Measure.TO_RESOLUTION)

# Lengths and times are rounded to a multiple of the largest step that is at most 1/50 of them, so
# the error is at most 1%. Most round values are a multiple of their step.
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
MIN_STEPS = 50
_MAX_VALUE = 2**31 - 1


def rounded(expression: str) -> str:
    """Return the SQL that rounds a number to its step. The expression is of type float8."""
    steps = ",".join(map(str, STEPS))
    # A step is used from here on. The search in this array is much faster than a CASE.
    begins = ",".join(str(MIN_STEPS * step) for step in STEPS[1:])
    step = f"('{{{steps}}}'::float8[])[1 + width_bucket({expression}, '{{{begins}}}'::float8[])]"
    return f"least(round({expression} / {step}) * {step}, {_MAX_VALUE})::int"


def quantile(numbers: Mapping[int, int], share: float) -> float | None:
    """Return the value below which this share of all values is, or None if there are none.

    `numbers` has the number of each value. Between two values it is interpolated, as PostgreSQL's
    percentile_cont does it.
    """
    total = sum(numbers.values())
    if not total:
        return None
    position = share * (total - 1)
    index = int(position)
    lower, upper = _at(numbers, index), _at(numbers, min(index + 1, total - 1))
    return lower + (upper - lower) * (position - index)


def _at(numbers: Mapping[int, int], index: int) -> int:
    """Return the value at this index of all values in order."""
    for value in sorted(numbers):
        index -= numbers[value]
        if index < 0:
            return value
    raise IndexError("there are fewer values")

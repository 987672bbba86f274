"""Reading the scores of CSAT and NPS answers."""

import re
from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

CSAT_KEY = "weni_csat"
NPS_KEY = "weni_nps"
SCORES = {CSAT_KEY: range(1, 6), NPS_KEY: range(11)}

# An emoji such as 5️⃣ is the digit, an invisible sign, and a frame around both. Ten has its own.
_KEYCAPS = str.maketrans(
    {
        "\N{VARIATION SELECTOR-16}": None,
        "\N{COMBINING ENCLOSING KEYCAP}": None,
        "\N{KEYCAP TEN}": "10",
    }
)
# The digits of any script.
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


class NoScore(models.TextChoices):
    """Why the value of an answer is not a score."""

    MISSING = "missing", _("no value")
    NOT_A_NUMBER = "not_a_number", _("not a number")
    NOT_WHOLE = "not_whole", _("not a whole number")
    OUT_OF_RANGE = "out_of_range", _("out of range")


def read_score(value: str, *, scores: range) -> int | NoScore:
    """Return the score in a value, or why it has none.

    Blanks around a number, zeros before it and zeros after its decimal point do not matter.
    """
    text = value.translate(_KEYCAPS).strip()
    if not text:
        return NoScore.MISSING
    if not _NUMBER.fullmatch(text):
        return NoScore.NOT_A_NUMBER
    number = Decimal(text)
    if number != number.to_integral_value():
        return NoScore.NOT_WHOLE
    return int(number) if number in scores else NoScore.OUT_OF_RANGE

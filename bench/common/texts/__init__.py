"""Texts like those of customers and bots, written for the benchmarks in three languages."""

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

LANGUAGES = {"pt": "Portuguese", "es": "Spanish", "en": "English"}
_FOLDER = Path(__file__).parent
# Separates the texts of a file.
_END = "\n%\n"


def bot_answers(*, language: str) -> Sequence[str]:
    """Return answers of bots, with 300 to 900 characters each."""
    return (_FOLDER / f"bot.{language}.txt").read_text(encoding="utf-8").strip().split(_END)


def contact_messages(*, language: str) -> Sequence[str]:
    """Return messages of contacts, with up to 200 characters each."""
    return (_FOLDER / f"contact.{language}.txt").read_text(encoding="utf-8").splitlines()


def words(*, characters: int, seed: str = "") -> str:
    """Return this number of random words' characters, in ASCII; the same for the same arguments.

    They can be compressed about as well as a text of this length.
    """
    rng = random.Random(f"{characters} {seed}")  # noqa: S311 (repeatable, not secret)
    # A word and its blank are at least two characters.
    return " ".join(rng.choices(_vocabulary(), k=characters // 2 + 1))[:characters]


@cache
def _vocabulary() -> Sequence[str]:
    return [one for one in " ".join(bot_answers(language="en")).split() if one.isascii()]

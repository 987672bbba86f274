"""Chooses the seeds of runs, and defines their length and rate."""

import hashlib
import os
import secrets
import subprocess

from bench.common.results import PROJECT_ROOT
from embedded.commands import CommandError, number_setting

SECONDS = 780
PUBLISHED_SECONDS = 960
# Shorter runs have no room for the longest faults.
MIN_SECONDS = 60
RATE = 30
PUBLISHED_RUNS = 3
_SEEDS = 1_000_000


def chosen_seeds(*, publishes: bool) -> list[int]:
    """Return the commit's seeds for a published result, otherwise SEED or a random seed.

    Raises CommandError if SEED is set for a published result, or if the commit is unknown.
    """
    if not publishes:
        return [number_setting("SEED", default=secrets.randbelow(_SEEDS))]
    if os.environ.get("SEED"):
        raise CommandError("PUBLISH=1 derives its seeds from the commit: leave SEED unset.")
    return published_seeds(commit=_commit())


def published_seeds(*, commit: str) -> list[int]:
    """Return seeds derived from the full hash of a commit and the number of each run."""
    texts = [f"{commit} {number}" for number in range(1, PUBLISHED_RUNS + 1)]
    return [int(hashlib.sha256(text.encode()).hexdigest(), 16) % _SEEDS for text in texts]


def _commit() -> str:
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise CommandError(f"PUBLISH=1 needs the hash of the commit: {error}") from None
    return answer.stdout.strip()

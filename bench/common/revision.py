"""Which tree a benchmark measured."""

import subprocess

from bench.common.subjects import PROJECT_ROOT


def revision() -> str:
    """What git calls the tree, with "-dirty" if it has other changes; empty if git knows none."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607 (the developer's own git)
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout.strip()

"""The optional packages of the image."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.pages import ROOT, page

EXTRAS = re.search(r'--build-arg EXTRAS="([a-z ]+)"', page("Dockerfile"))
STUB = """#!/bin/sh
echo "${0##*/} $*"
"""


@pytest.fixture
def installing() -> str:
    """Return the command that installs the packages of the service."""
    continued = page("Dockerfile").replace("\\\n", "")
    (command,) = re.findall(r"^RUN (.*uv pip sync.*)$", continued, flags=re.MULTILINE)
    return str(command)


@pytest.mark.parametrize(
    ("extras", "files"),
    [
        ("", ["runtime.txt"]),
        ("tracing", ["runtime.txt", "tracing.txt"]),
        ("weni tracing parquet", ["runtime.txt", "weni.txt", "tracing.txt", "parquet.txt"]),
    ],
)
def test_the_image_has_the_extras_that_are_asked_for_and_no_others(
    installing: str, extras: str, files: list[str], tmp_path: Path
) -> None:
    for name in ("python", "pip", "uv"):
        (tmp_path / name).write_text(STUB)
        (tmp_path / name).chmod(0o755)

    ended = subprocess.run(
        ["/bin/sh", "-c", installing],
        env={"PATH": f"{tmp_path}{os.pathsep}/bin", "EXTRAS": extras},
        capture_output=True,
        text=True,
        check=True,
    )

    *_, sync = ended.stdout.splitlines()
    assert sync.startswith("uv pip sync ")
    assert [word for word in sync.split() if word.endswith(".txt")] == files


def test_every_extra_has_a_file_that_the_image_is_built_with() -> None:
    assert EXTRAS
    copied = page("Dockerfile")

    for extra in EXTRAS[1].split():
        assert (ROOT / f"requirements/{extra}.txt").is_file()
        assert f"requirements/{extra}.txt" in copied


def test_compose_builds_the_image_with_the_extras_of_its_settings() -> None:
    assert 'args: {EXTRAS: "${EXTRAS:-}"}' in page("docker-compose.yml")

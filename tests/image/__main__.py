"""`python -m tests.image` builds the image without an engine, and tries it.

EXTRAS are the optional packages of the image, by default none: "weni tracing parquet". The stand-in
for the base image is kept in .image/; the list of the image's packages is written into results/.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from embedded.commands import CommandError, exit_status, print_with_time
from embedded.processes import supervisor
from embedded.service import PROJECT_ROOT
from tests.image.base import base_of, stand_in
from tests.image.building import Layer, storage
from tests.image.container import Image
from tests.image.extras import named_extras
from tests.image.sbom import write_sbom
from tests.image.tools import check_tools
from tests.image.unit_tests import run_unit_tests

MAX_BYTES = 330_000_000
_FOLDER = PROJECT_ROOT / ".image"
_SBOM = PROJECT_ROOT / "results" / "image.cdx.json"
_DOCKERFILE = PROJECT_ROOT / "Dockerfile"


def run_command(console: Console) -> int:
    """Return 0 if the image is small enough and works. Raise CommandError otherwise."""

    def say(text: str) -> None:
        print_with_time(text, console=console)

    check_tools()
    extras = " ".join(named_extras(os.environ.get("EXTRAS", "")))
    _lint()
    say("hadolint: the Dockerfile is clean")
    base = base_of(_DOCKERFILE.read_text())
    say(f"the stand-in for {base.name}: Debian {base.release} with its Python {base.python}")
    root = stand_in(base, folder=_FOLDER)
    with storage(_FOLDER / "storage") as images, supervisor() as processes:
        images.add_base(root, name=base.name)
        say(f"building{f', with {extras}' if extras else ''}")
        images.build(arguments={"EXTRAS": extras})
        layers = images.layers()
        for line in sizes(layers):
            say(line)
        if sum(layer.bytes for layer in layers) > MAX_BYTES and not extras:
            raise CommandError(
                f"The image has more than {MAX_BYTES / 1e6:.0f} MB without optional packages."
            )
        image = Image(root=images.container(), config=images.config())
        scratch = processes.temporary_directory()
        packages = write_sbom(image.root, release=base.release, file=_SBOM, scratch=scratch)
        say(f"{_SBOM.relative_to(PROJECT_ROOT)}: {packages} packages")
        _try_programs(image, extras=extras)
        say("tests/unit in the image")
        say(run_unit_tests(Image(root=images.container(), config=image.config)))
    return 0


def sizes(layers: list[Layer]) -> list[str]:
    """Return a line for each layer of the image, uncompressed, and one for all."""
    lines = [f"{layer.bytes / 1e6:7.1f} MB  {layer.instruction[:80]}" for layer in layers]
    total = sum(layer.bytes for layer in layers) / 1e6
    return [*lines, f"{total:7.1f} MB  the image"]


def _lint() -> None:
    ended = subprocess.run(
        [Path(sys.executable).parent / "hadolint", "--no-color", _DOCKERFILE],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise CommandError(f"hadolint:\n{ended.stdout}{ended.stderr}")


def _try_programs(image: Image, *, extras: str) -> None:
    """Try the programs in a network namespace that has only loopback."""
    arguments = [str(image.root), json.dumps(image.config), extras]
    program = [sys.executable, "-m", "tests.image.programs", *arguments]
    script = 'ip link set lo up && exec "$@"'
    command = ["unshare", "--net", "sh", "-c", script, "sh", *program]
    if subprocess.run(command, cwd=PROJECT_ROOT, check=False).returncode:
        raise CommandError("A program of the image does not work.")


if __name__ == "__main__":
    sys.exit(exit_status(run_command))

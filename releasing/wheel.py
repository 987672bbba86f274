"""The wheel of celery_sqs_fifo, which other projects install."""

import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

from embedded.commands import CommandError, output_of
from embedded.service import PROJECT_ROOT
from embedded.virtual_environments import run_uv

_LIBRARY = "celery_sqs_fifo"
# Imports every public name, each of which may import another module.
_TRY = """
import importlib.metadata, celery_sqs_fifo, celery_sqs_fifo.metrics
for name in celery_sqs_fifo.__all__:
    getattr(celery_sqs_fifo, name)
print(importlib.metadata.version("celery_sqs_fifo"), celery_sqs_fifo.__file__)
"""


def version_of(root: Path) -> str:
    """Return the version in pyproject.toml."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    version: str = tomllib.loads(text)["project"]["version"]
    return version


def build(*, tools: Path, folder: Path, moment: str) -> Path:
    """Build the wheel into a folder and return its path. Raises CommandError if that fails."""
    output_of(
        *(tools / "hatchling", "build", "--target", "wheel", "--directory", folder),
        cwd=PROJECT_ROOT / _LIBRARY,
        SOURCE_DATE_EPOCH=moment,
    )
    (path,) = folder.glob("*.whl")
    return path


def check(path: Path, *, version: str, folder: Path) -> None:
    """Install the wheel into an empty environment, and import all public names.

    Raises CommandError if one cannot be imported, or if the wheel has another version.
    """
    shutil.rmtree(folder, ignore_errors=True)
    run_uv("venv", "--quiet", "--python", sys.executable, folder, purpose="the wheel")
    python = folder / "bin" / "python"
    # With the locked versions, so that the result does not depend on what was published today.
    locked = ("--constraint", PROJECT_ROOT / "requirements" / "runtime.txt")
    run_uv("pip", "install", "--quiet", "--python", python, *locked, path, purpose="the wheel")
    # Isolated, and outside the project, it cannot import the folder of the project.
    printed = output_of(python, "-I", "-c", _TRY, cwd=Path(tempfile.gettempdir()))
    found, where = printed.split()
    if found != version or not Path(where).is_relative_to(folder):
        raise CommandError(f"The wheel has version {found} in {where}, and not {version}.")

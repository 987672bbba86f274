"""An installation that cannot be done ends with sentences that say what to do."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from embedded.service import PROJECT_ROOT

BOOTSTRAP = PROJECT_ROOT / "requirements" / "bootstrap.py"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def bootstrap() -> ModuleType:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("bootstrap", BOOTSTRAP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_unreachable_index_ends_the_installation_with_what_to_set(tmp_path: Path) -> None:
    shutil.copytree(BOOTSTRAP.parent, tmp_path / "requirements")
    nowhere = {"PIP_INDEX_URL": NOWHERE, "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}

    done = subprocess.run(
        [sys.executable, tmp_path / "requirements" / "bootstrap.py"],
        env={"PATH": os.defpath, "HOME": str(tmp_path), **nowhere},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 1
    assert "ERROR: No matching distribution found for uv" in done.stderr
    assert "The package index could not be reached" in done.stderr
    for name in ("HTTPS_PROXY", "UV_SYSTEM_CERTS=1", "PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        assert name in done.stderr
    assert len(done.stderr.splitlines()) < 15
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("options", [[], ["--tools"]])
def test_an_environment_behind_a_link_is_left_as_it_is(tmp_path: Path, options: list[str]) -> None:
    checkout, other = tmp_path / "checkout", tmp_path / "other"
    shutil.copytree(BOOTSTRAP.parent, checkout / "requirements")
    other.mkdir()
    (other / "kept").touch()
    (checkout / ".venv").symlink_to(other)

    done = subprocess.run(
        [sys.executable, checkout / "requirements" / "bootstrap.py", *options],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "Remove the link, then run this again." in done.stderr
    assert [path.name for path in other.iterdir()] == ["kept"]


@pytest.mark.parametrize(
    ("output", "is_unreachable"),
    [
        ("error: Request failed after 3 retries in 8.7s\n  cause: client error (Connect)", True),
        ("error: Failed to fetch: `https://pypi.org/simple/x/`\n  Caused by: dns error", True),
        ("  cause: invalid peer certificate: UnknownIssuer", True),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", False),
        ("error: No space left on device (os error 28)", False),
    ],
)
def test_only_a_failure_of_the_network_is_called_one(
    bootstrap: ModuleType, capsys: pytest.CaptureFixture[str], output: str, is_unreachable: bool
) -> None:
    bootstrap.explain("\n".join([*(["progress"] * 50), output]))

    printed = capsys.readouterr().err
    assert output.splitlines()[-1] in printed
    assert printed.count("progress") < 10
    assert ("could not be reached" in printed) is is_unreachable

"""An installed browser is found, or a message says how to install one."""

from pathlib import Path

import pytest

from tests.browser import chromium


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder. The PATH contains only this folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(chromium, "ON_MACOS", ())
    return tmp_path


def program(path: Path) -> Path:
    """Create an executable file with this name."""
    path.touch(mode=0o755)
    return path


def test_without_a_browser_the_command_fails_and_says_how_to_install_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chromium.main() == 1

    said = capsys.readouterr().err.strip()
    assert said == chromium.HOW_TO_INSTALL
    assert "apt-get install chromium" in said


def test_the_installed_browser_is_used(folder: Path) -> None:
    installed = program(folder / "chromium-browser")

    assert chromium.chromium() == installed
    assert chromium.main() == 0


def test_the_named_browser_is_preferred(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(folder / "chromium")
    named = program(folder / "my-browser")
    monkeypatch.setenv("CHROMIUM", str(named))

    assert chromium.chromium() == named


def test_a_missing_named_browser_is_not_replaced_by_an_installed_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(folder / "chromium")
    monkeypatch.setenv("CHROMIUM", str(folder / "elsewhere"))

    assert chromium.main() == 1

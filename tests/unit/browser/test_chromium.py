"""The choice of the browser, and the message if none is installed."""

from pathlib import Path

import pytest

from tests.browser import chromium


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the only one on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(chromium, "ON_MACOS", ())
    return tmp_path


def program(path: Path) -> Path:
    """Create an executable file."""
    path.touch(mode=0o755)
    return path


def test_without_a_browser_it_says_how_to_install_one_and_fails(
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


def test_a_named_browser_that_is_not_there_is_no_browser(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(folder / "chromium")
    monkeypatch.setenv("CHROMIUM", str(folder / "elsewhere"))

    assert chromium.main() == 1

"""Results are written to a folder that git ignores, unless they are published."""

import subprocess
from pathlib import Path

import pytest

from bench.common import results


def test_results_are_not_published_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "0"):
        monkeypatch.setenv("PUBLISH", value)
        assert results.folder() == results.IGNORED
    monkeypatch.setenv("PUBLISH", "1")
    assert results.folder() == results.DOCS


def test_git_ignores_results_that_are_not_published() -> None:
    path = results.json_path(into=results.IGNORED, name="bench")
    answer = subprocess.run(["git", "check-ignore", path], cwd=results.PROJECT_ROOT, check=False)
    if (results.PROJECT_ROOT / ".git").exists():
        assert answer.returncode == 0


def test_all_files_of_a_result_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBLISH", raising=False)
    monkeypatch.setattr(results, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(results, "IGNORED", tmp_path / "ignored")

    page = results.write(name="n", document="{}", page="# N")

    assert page == Path("ignored/n.md")
    written = {
        str(path.relative_to(tmp_path)): path.read_text()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert written == {
        "ignored/n.md": "# N",
        "ignored/results/n.json": "{}",
    }

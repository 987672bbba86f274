"""`make release` makes everything of a release, here in a copy of this repository.

make test-release
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.common.version import VERSION
from embedded.service import PROJECT_ROOT
from releasing.wheel import check
from tests.mutants.copies import copy_files

IDENTITY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
TAG = f"v{VERSION}"
LOCKS = ("runtime.txt", "weni.txt", "tracing.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository with one commit of all files of this project."""

    root: Path

    def git(self, *arguments: str) -> str:
        command = ["git", *IDENTITY, *arguments]
        return subprocess.run(
            command, cwd=self.root, check=True, capture_output=True, text=True
        ).stdout

    def release(self, *, dry_run: str) -> subprocess.CompletedProcess[str]:
        """Run what `make release` runs, with the packages of this environment."""
        names = {"AUTHOR": "Somebody", "COMMITTER": "Somebody"}
        identity = {f"GIT_{kind}_NAME": name for kind, name in names.items()}
        identity |= {f"GIT_{kind}_EMAIL": "somebody@example.org" for kind in names}
        return subprocess.run(
            [sys.executable, "-m", "releasing"],
            cwd=self.root,
            env={**os.environ, **identity, "DRY_RUN": dry_run},
            check=False,
            capture_output=True,
            text=True,
        )

    def made(self) -> dict[str, bytes]:
        """Return the files that the release consists of."""
        folder = self.root / "results" / "release"
        return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository(root=tmp_path_factory.mktemp("repository"))
    copy_files(made.root)
    made.git("init", "--quiet")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "Everything")
    return made


@pytest.fixture(scope="module")
def ready(repository: Repository) -> Repository:
    """The repository with a date in the changelog, after a dry run."""
    path = repository.root / "CHANGELOG.md"
    heading = rf"^## \[{re.escape(VERSION)}\] - .*$"
    dated, found = re.subn(
        heading, f"## [{VERSION}] - 2026-12-01", path.read_text(), flags=re.MULTILINE
    )
    assert found == 1
    path.write_text(dated)
    repository.git("commit", "--quiet", "--all", "--allow-empty", "--message", "Release")
    result = repository.release(dry_run="1")
    assert result.returncode == 0, result.stderr
    return repository


def test_a_release_that_is_not_ready_makes_nothing(repository: Repository) -> None:
    path = repository.root / "CHANGELOG.md"
    before = path.read_text()
    path.write_text(before.replace(f"## [{VERSION}]", "## [9.9.9]"))
    repository.git("commit", "--quiet", "--all", "--message", "Another version")

    result = repository.release(dry_run="1")

    repository.git("revert", "--no-edit", "HEAD")
    assert result.returncode == 1
    assert f"## [{VERSION}] - YYYY-MM-DD" in result.stderr
    assert not (repository.root / "results").exists()


def test_a_dry_run_does_everything_but_the_tag(ready: Repository) -> None:
    assert {Path(name).suffix for name in ready.made()} == {".whl", ".json", ".md"}
    assert ready.git("tag", "--list") == ""


def test_the_wheel_has_all_modules_of_the_library_and_its_guide(ready: Repository) -> None:
    (path,) = (ready.root / "results" / "release").glob("*.whl")
    library = PROJECT_ROOT / "celery_sqs_fifo"

    with zipfile.ZipFile(path) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        metadata = wheel.read(f"celery_sqs_fifo-{VERSION}.dist-info/METADATA").decode()

    modules = {str(file.relative_to(PROJECT_ROOT)) for file in library.rglob("*.py")}
    assert names == {*modules, "celery_sqs_fifo/py.typed"}
    assert (library / "README.md").read_text().strip() in metadata


def test_a_wheel_with_another_version_is_refused(ready: Repository, tmp_path: Path) -> None:
    (path,) = (ready.root / "results" / "release").glob("*.whl")

    with pytest.raises(RuntimeError, match="and not 9\\.9\\.9"):
        check(path, version="9.9.9", folder=tmp_path / "empty")


def test_the_bill_of_materials_has_exactly_the_locked_packages(ready: Repository) -> None:
    document = json.loads(ready.made()["sbom.cdx.json"])
    found = {(normal(one["name"]), one["version"]) for one in document["components"]}
    locked = set()
    for_all = set()
    for name in LOCKS:
        text = (PROJECT_ROOT / "requirements" / name).read_text()
        for package, version, marker in re.findall(r"^([\w.-]+)==(\S+)( ;)?", text, re.MULTILINE):
            locked.add((normal(package), version))
            if not marker:
                for_all.add((normal(package), version))

    assert for_all <= found <= locked
    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["version"] == VERSION


def test_the_licence_of_each_package_is_listed(ready: Repository) -> None:
    document = json.loads(ready.made()["sbom.cdx.json"])
    rows = ready.made()["licences.md"].decode().splitlines()[2:]

    assert len(rows) == len(document["components"])
    assert all(row.split("|")[3].strip() for row in rows)


def test_a_release_is_tagged_once_and_made_of_the_same_bytes_again(ready: Repository) -> None:
    before = ready.made()

    result = ready.release(dry_run="")
    again = ready.release(dry_run="")

    assert result.returncode == 0, result.stderr
    assert ready.made() == before
    assert ready.git("cat-file", "-t", TAG).strip() == "tag"
    assert ready.git("rev-parse", f"{TAG}^{{commit}}") == ready.git("rev-parse", "HEAD")
    assert again.returncode == 1
    assert f"{TAG} is tagged already" in again.stderr


def normal(name: str) -> str:
    """Return a package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()

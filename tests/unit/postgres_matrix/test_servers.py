"""Which versions of PostgreSQL `make postgres-matrix` finds after the installation."""

import json
from pathlib import Path

import pytest

from embedded.packages import Packages
from operations.doctor.connections import SUPPORTED_VERSIONS
from tests.postgres_matrix import servers


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of installed packages, which the test fills."""
    packages = Packages(
        command="make postgres-matrix",
        folder=tmp_path,
        requirements=tmp_path / "none.txt",
        node_sources=tmp_path / "none",
    )
    monkeypatch.setattr(Packages, "install", lambda _packages: None)
    monkeypatch.setattr(servers, "PACKAGES", packages)
    return packages.node_folder / "node_modules"


def add_server(modules: Path, name: str) -> Path:
    """Add a package as npm unpacks it: with a description of a link, and without the link."""
    folder = modules / name / "native"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "libpq.so.5.14").write_text("library")
    link = {"source": "native/lib/libpq.so.5.14", "target": "native/lib/libpq.so.5"}
    (folder / "pg-symlinks.json").write_text(json.dumps([link]))
    return folder


def test_a_version_without_a_package_for_this_machine_is_left_out(modules: Path) -> None:
    oldest = add_server(modules, "postgres-14-linux-x64")
    newest = add_server(modules, "postgres-18-linux-x64")

    assert servers.install(SUPPORTED_VERSIONS) == {14: oldest, 18: newest}


def test_the_libraries_of_a_server_have_their_links(modules: Path) -> None:
    folder = add_server(modules, "postgres-16-linux-arm64")

    for _ in range(2):
        servers.install(SUPPORTED_VERSIONS)

    assert (folder / "lib" / "libpq.so.5").read_text() == "library"


def test_there_is_a_package_for_every_supported_version() -> None:
    document = json.loads((Path(servers.__file__).parent / "node" / "package.json").read_text())

    for machine in ("linux-x64", "linux-arm64"):
        names = {f"postgres-{major}-{machine}" for major in SUPPORTED_VERSIONS}
        assert names <= document["optionalDependencies"].keys()

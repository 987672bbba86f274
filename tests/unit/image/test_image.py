"""What `make image` needs, what it reads from the Dockerfile, and what it shows."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from embedded.commands import CommandError
from embedded.processes import ProcessError
from tests.image.__main__ import sizes
from tests.image.base import Base, base_of, stand_in
from tests.image.building import Layer, readable
from tests.image.container import Container, Image
from tests.image.extras import KNOWN, named_extras, try_extras
from tests.image.sbom import debian_component
from tests.image.tools import PACKAGES, check_tools
from tests.support.pages import ROOT, page, table_of


def found(program: str) -> str:
    return f"/usr/bin/{program}"


def test_nothing_is_missing_for_root_with_all_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    check_tools(which=found)


def test_an_error_names_all_that_is_missing_and_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(CommandError) as error:
        check_tools(which=lambda program: None if program in ("bwrap", "ip") else found(program))

    _, as_root, missing = str(error.value).splitlines()
    assert as_root.startswith("Run it as root")
    assert missing.endswith("apt-get install bubblewrap iproute2")


def test_contributors_read_which_packages_are_needed() -> None:
    text = page("CONTRIBUTING.md")

    assert all(f"`{package}`" in text for package in PACKAGES.values())


def test_the_stand_in_has_the_python_and_the_debian_of_the_base_image() -> None:
    base = base_of(page("Dockerfile"))

    assert base.name == f"python:{base.python}-slim-{base.release}"
    assert tuple(map(int, base.python.split("."))) >= (3, 13)


@pytest.mark.parametrize(
    "dockerfile",
    [
        "ARG BASE=python:3.13\nFROM $BASE\n",
        "ARG BASE=python:3.13-slim-trixie\nFROM $BASE AS build\nFROM debian:trixie\n",
        "FROM python:3.13-slim-trixie\n",
    ],
)
def test_a_stage_with_another_base_image_is_refused(dockerfile: str) -> None:
    with pytest.raises(CommandError, match=r"must begin with FROM \$BASE"):
        base_of(dockerfile)


def test_a_stand_in_that_was_made_before_is_used_again(tmp_path: Path) -> None:
    kept = tmp_path / "trixie-python3.13"
    kept.mkdir()

    base = Base(name="python:3.13-slim-trixie", python="3.13", release="trixie")

    assert stand_in(base, folder=tmp_path) == kept


@pytest.mark.parametrize(
    ("instruction", "shown"),
    [
        ("/bin/sh", "the base image"),
        ("/bin/sh -c #(nop) COPY dir:01cb18 in /opt/venv ", "COPY in /opt/venv"),
        ("/bin/sh -c useradd --uid 10001     && install", "useradd --uid 10001 && install"),
    ],
)
def test_an_instruction_is_shown_without_what_the_builder_adds(
    instruction: str, shown: str
) -> None:
    assert readable(instruction) == shown


def test_each_layer_and_the_sum_are_shown_in_megabytes() -> None:
    lines = sizes(
        [Layer(bytes=114_000_000, instruction="a"), Layer(bytes=1_500_000, instruction="b")]
    )

    assert [line.split()[0] for line in lines] == ["114.0", "1.5", "115.5"]
    assert lines[1].endswith("b")


def test_a_debian_package_has_the_address_that_scanners_read() -> None:
    entry = debian_component("login", "1:4.16.0-2+really2.41", "amd64", release="trixie")

    assert entry["purl"] == (
        "pkg:deb/debian/login@1%3A4.16.0-2%2Breally2.41?arch=amd64&distro=trixie"
    )
    assert entry["version"] == "1:4.16.0-2+really2.41"


def test_a_program_runs_as_the_user_of_the_image_without_capabilities_on_a_read_only_root() -> None:
    image = Image(root=Path("/root"), config={"User": "10001:10001", "WorkingDir": "/app"})

    command = image.in_namespaces("celery", "worker")
    at_user = command.index("setpriv")
    bwrap, as_user = command[:at_user], command[at_user:]

    assert bwrap[:4] == ["bwrap", "--ro-bind", "/root", "/"]
    assert {"--as-pid-1", "--unshare-pid"} <= set(bwrap)
    assert as_user[1:6] == ["--reuid", "10001", "--regid", "10001", "--clear-groups"]
    assert "--bounding-set=-all" in as_user
    assert as_user[-2:] == ["celery", "worker"]


def test_the_optional_packages_are_those_of_the_dockerfile_and_of_the_page() -> None:
    names = {extra.name for extra in KNOWN}
    (copied,) = re.findall(r"COPY ((?:requirements/\S+\s+(?:\\\s+)?)+)", page("Dockerfile"))
    rows = table_of(page("docs/deployment.md"), head="Name")

    assert {Path(word).stem for word in copied.split() if word != "\\"} == {"uv", "runtime", *names}
    assert {name.strip("`") for name, _ in rows} == names
    assert all((ROOT / "requirements" / f"{name}.txt").is_file() for name in names)


def test_the_names_in_extras_are_separated_by_blanks() -> None:
    assert named_extras(" weni  parquet") == ["weni", "parquet"]
    assert named_extras("") == []


def test_an_unknown_name_in_extras_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CommandError, match="weni, tracing, parquet, and not tracin"):
        named_extras("weni tracin")


class FakeContainer:
    """A container in which the optional packages of some names are installed."""

    process = SimpleNamespace(error=ProcessError)

    def __init__(self, *installed: str, is_helpful: bool = True) -> None:
        self._installed = installed
        self._is_helpful = is_helpful

    def execute(self, *command: str, settings: Mapping[str, str]) -> Any:
        """Run the command of an optional package."""
        (extra,) = (one for one in KNOWN if one.command == command and one.settings == settings)
        if extra.name in self._installed:
            return subprocess.CompletedProcess(command, 0, "done", "")
        error = f"EXTRAS={extra.name}" if self._is_helpful else "ModuleNotFoundError"
        return subprocess.CompletedProcess(command, 1, "", error)


def tried(container: FakeContainer, *, built_with: list[str]) -> list[str]:
    return list(try_extras(cast(Container, container), built_with=built_with))


def test_optional_packages_work_if_the_image_was_built_with_them() -> None:
    lines = tried(FakeContainer("weni", "parquet"), built_with=["weni", "parquet"])

    assert [line.partition(":")[0] for line in lines] == ["weni", "tracing", "parquet"]
    assert ["works" in line for line in lines] == [True, False, True]


@pytest.mark.parametrize(
    ("container", "problem"),
    [
        (FakeContainer("tracing", "parquet"), "cannot use weni"),
        (FakeContainer("weni", "tracing", "parquet"), "does not ask for tracing"),
        (FakeContainer("weni", "parquet", is_helpful=False), "does not ask for tracing"),
    ],
)
def test_optional_packages_that_are_missing_or_too_many_are_an_error(
    container: FakeContainer, problem: str
) -> None:
    with pytest.raises(ProcessError, match=problem):
        tried(container, built_with=["weni", "parquet"])

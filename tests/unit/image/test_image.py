"""What `make image` needs, what it reads from the Dockerfile, and what it shows."""

import os
from pathlib import Path

import pytest

from embedded.commands import CommandError
from tests.image.__main__ import sizes
from tests.image.base import Base, base_of, stand_in
from tests.image.building import Layer, readable
from tests.image.container import Image
from tests.image.sbom import debian_component
from tests.image.tools import PACKAGES, check_tools
from tests.support.pages import page


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

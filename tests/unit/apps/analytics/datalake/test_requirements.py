"""The optional requirements of weni://, which are installed without their dependencies."""

import re
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.pages import ROOT

SDK = "weni-datalake-sdk"


def pins(path: Path) -> dict[str, Version]:
    """Return the versions that a requirements file pins."""
    lines = re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==([^ ;]+)", path.read_text(), flags=re.MULTILINE)
    return {name: Version(version) for name, version in lines}


WENI = pins(ROOT / "requirements/weni.txt")
RUNTIME = pins(ROOT / "requirements/runtime.txt")
DEVELOPMENT = pins(ROOT / "requirements/dev.txt")


def needs(package: str) -> list[Requirement]:
    """Return what a package requires if it is installed without extras."""
    requirements = [Requirement(text) for text in requires(package) or []]
    return [need for need in requirements if not need.marker or need.marker.evaluate({"extra": ""})]


def test_the_versions_are_within_the_bounds_of_the_sdk() -> None:
    bounds = {need.name: need.specifier for need in needs(SDK) if need.name in WENI}

    assert bounds.keys() == WENI.keys() - {SDK}
    assert all(WENI[name] in specifier for name, specifier in bounds.items())


@pytest.mark.parametrize("package", sorted(WENI.keys() - {SDK}))
def test_all_packages_that_the_pinned_packages_require_are_installed(package: str) -> None:
    installed = RUNTIME | WENI

    assert all(installed[need.name] in need.specifier for need in needs(package))


def test_packages_in_several_requirements_files_have_the_same_version() -> None:
    others = RUNTIME | DEVELOPMENT

    assert {name: others.get(name, version) for name, version in WENI.items()} == WENI

"""The folders of tests/unit are those of the packages that they test."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parent
ROOT = UNIT.parents[1]
PACKAGES = (
    *("apps", "bench", "celery_sqs_fifo", "config", "demo", "embedded", "observability"),
    *("operations", "tasks", "testbed"),
)
# What is tested although it is no package of the project's own code.
NO_PACKAGES = {"deploy": ROOT / "deploy", "docs": ROOT / "docs"}
# The support code of these tests lies beside them.
OF_TESTS = {"browser": ROOT / "tests" / "browser", "chaos": ROOT / "tests" / "chaos"}

FOLDERS = sorted(path.parent.relative_to(UNIT) for path in UNIT.rglob("__init__.py"))
FILES = sorted(path.relative_to(UNIT) for path in UNIT.rglob("test_*.py"))


def package_of(folder: Path) -> Path:
    """Return what a folder of tests/unit is about."""
    first, *rest = folder.parts
    return (NO_PACKAGES | OF_TESTS).get(first, ROOT / first).joinpath(*rest)


@pytest.mark.parametrize("folder", FOLDERS[1:], ids=str)
def test_every_folder_has_its_package(folder: Path) -> None:
    package = package_of(folder)

    assert package.is_dir()
    assert folder.parts[0] in NO_PACKAGES or (package / "__init__.py").exists()


def test_every_file_lies_in_a_folder_of_its_package() -> None:
    folders = {file.parent for file in FILES if file != Path(Path(__file__).name)}

    assert folders <= set(FOLDERS[1:])


@pytest.mark.parametrize("file", [file for file in FILES if file.parts[0] in PACKAGES], ids=str)
def test_a_file_imports_something_of_the_package_under_which_it_lies(file: Path) -> None:
    packages = {module.partition(".")[0] for module in imported(UNIT / file)}

    # A file that imports none looks at other files, or runs a program. Of which subpackage a test
    # is cannot be told: its subject may come with a helper, or be what several modules do together.
    assert file.parts[0] in packages or packages.isdisjoint(PACKAGES)


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module

"""Each folder of tests/unit has the path of the package that it tests."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parent
ROOT = UNIT.parents[1]
PACKAGES = (
    *("apps", "bench", "celery_sqs_fifo", "config", "demo", "docsite", "embedded"),
    *("observability", "operations", "releasing", "tasks", "testbed"),
)
# Folders of the project that have unit tests but are not Python packages.
NO_PACKAGES = {"deploy": ROOT / "deploy", "docs": ROOT / "docs"}
# Packages of test code that have unit tests themselves.
OF_TESTS = {
    name: ROOT / "tests" / name
    for name in ("browser", "chaos", "foreign", "image", "mutants", "postgres_matrix", "restore")
}

FOLDERS = sorted(path.parent.relative_to(UNIT) for path in UNIT.rglob("__init__.py"))
FILES = sorted(path.relative_to(UNIT) for path in UNIT.rglob("test_*.py"))


def package_of(folder: Path) -> Path:
    """Return the path of the package that a folder of tests/unit tests."""
    first, *rest = folder.parts
    return (NO_PACKAGES | OF_TESTS).get(first, ROOT / first).joinpath(*rest)


@pytest.mark.parametrize("folder", FOLDERS[1:], ids=str)
def test_every_folder_has_the_path_of_a_package(folder: Path) -> None:
    package = package_of(folder)

    assert package.is_dir()
    assert folder.parts[0] in NO_PACKAGES or (package / "__init__.py").exists()


def test_every_file_is_in_a_folder_of_a_package() -> None:
    folders = {file.parent for file in FILES if file != Path(Path(__file__).name)}

    assert folders <= set(FOLDERS[1:])


@pytest.mark.parametrize("file", [file for file in FILES if file.parts[0] in PACKAGES], ids=str)
def test_a_file_imports_the_package_whose_folder_it_is_in(file: Path) -> None:
    packages = {module.partition(".")[0] for module in imported(UNIT / file)}

    # A file that imports no package of the project tests other files or runs a program. This test
    # cannot check the subpackage: a test may import what it tests through a helper, or test several
    # modules together.
    assert file.parts[0] in packages or packages.isdisjoint(PACKAGES)


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module

"""The public names of `celery_sqs_fifo`, and the cost of importing them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import celery_sqs_fifo
from celery_sqs_fifo.transport import Transport
from tests.support.pages import ROOT

# Packages that take long to import, or that read the environment when they are imported. For
# example, prometheus-client reads variables that a worker sets first.
HEAVY = ("celery", "kombu", "boto3", "botocore", "pycurl", "redis", "prometheus_client", "django")


def declared() -> dict[str, str]:
    """Return the public names that are declared for type checkers, each with its module."""
    tree = ast.parse(Path(celery_sqs_fifo.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if ast.unparse(node).startswith("if TYPE_CHECKING:"))
    return {
        alias.name: str(node.module)
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_type_checkers_see_the_public_names() -> None:
    assert {*declared(), "TRANSPORT"} == set(celery_sqs_fifo.__all__)


@pytest.mark.parametrize(("name", "module"), declared().items())
def test_a_public_name_is_the_object_of_its_module(name: str, module: str) -> None:
    __import__(module)

    assert getattr(celery_sqs_fifo, name) is getattr(sys.modules[module], name)


def test_the_public_path_of_the_transport_is_right() -> None:
    module, _, name = celery_sqs_fifo.TRANSPORT.partition(":")

    assert getattr(sys.modules[module], name) is Transport


def test_an_internal_name_is_not_public() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Gate'"):
        _ = celery_sqs_fifo.Gate  # type: ignore[attr-defined]


def imported_by(statement: str) -> set[str]:
    """Return the heavy packages that a new process imports, and "threads" if it starts any."""
    script = f"""
{statement}
import sys, threading
print(*{HEAVY!r} & sys.modules.keys(), *["threads"] * (threading.active_count() - 1))
""".replace(repr(HEAVY), repr(set(HEAVY)))
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


@pytest.mark.parametrize("module", ["celery_sqs_fifo", "celery_sqs_fifo.consuming.liveness"])
def test_importing_the_package_imports_nothing_heavy(module: str) -> None:
    assert imported_by(f"import {module}") == set()


def test_no_public_name_and_no_transport_needs_django_or_starts_a_thread() -> None:
    """kombu imports Django if it is installed, so this test makes that import fail."""
    imported = imported_by(
        "import sys; sys.modules['django'] = None\nfrom celery_sqs_fifo import *\n"
        "from celery_sqs_fifo import transport as _; del sys.modules['django']"
    )

    assert {"celery", "kombu"} <= imported
    assert imported & {"django", "threads"} == set()


def test_no_public_name_imports_pycurl_or_prometheus_client() -> None:
    imported = imported_by("from celery_sqs_fifo import *")

    assert "celery" in imported
    assert imported & {"pycurl", "prometheus_client", "threads"} == set()

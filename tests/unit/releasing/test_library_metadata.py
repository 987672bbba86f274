"""The metadata of the library's wheel agree with those of the service."""

import re
import tomllib

from apps.common.version import VERSION
from embedded.service import PROJECT_ROOT
from releasing.wheel import version_of

TEXT = (PROJECT_ROOT / "pyproject.toml").read_text()
SERVICE = tomllib.loads(TEXT)
LIBRARY = tomllib.loads((PROJECT_ROOT / "celery_sqs_fifo" / "pyproject.toml").read_text())


def test_the_library_needs_no_other_versions_than_the_service() -> None:
    library, service = LIBRARY["project"], SERVICE["project"]

    assert set(library["dependencies"]) < set(service["dependencies"])
    assert library["requires-python"] == service["requires-python"]


def test_the_version_is_read_from_one_file() -> None:
    pattern = LIBRARY["tool"]["hatch"]["version"]["pattern"]

    assert re.findall(pattern, TEXT) == [VERSION]
    assert version_of(PROJECT_ROOT) == VERSION

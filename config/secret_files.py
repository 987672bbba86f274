"""Secret settings that are read from files, such as those that Docker and Kubernetes mount.

The setting NAME comes from the file at the path in NAME_FILE.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from apps.common.postgresql.logins import read_secret

_SUFFIX = "_FILE"


def file_variable(name: str) -> str:
    """Return the variable that names the file of a setting."""
    return f"{name}{_SUFFIX}"


def names_of_files(fields: Mapping[str, FieldInfo]) -> list[str]:
    """Return the variables that name the file of a setting: those of the secret settings."""
    return [file_variable(name) for name, field in fields.items() if not field.repr]


def path_of(name: str) -> Path | None:
    """Return the path of the file that a setting comes from, or None."""
    path = os.environ.get(file_variable(name))
    return Path(path) if path else None


def read_secret_files(fields: Mapping[str, FieldInfo]) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that come from files, and a sentence for each file that is wrong."""
    values, problems = {}, []
    for variable in names_of_files(fields):
        name = variable.removesuffix(_SUFFIX)
        path = path_of(name)
        if path is None:
            continue
        if os.environ.get(name):
            problems.append(f"{variable}: must not be set together with {name}. Unset one of them.")
        elif wrong := problems_of(variable, path=path):
            problems += wrong
        else:
            values[name] = read_secret(path)
    return values, problems


def problems_of(variable: str, *, path: Path | str) -> list[str]:
    """Return a sentence if the file of a variable cannot be used. An empty path is no file."""
    try:
        if path:
            read_secret(Path(path))
    except OSError as error:
        return [f"{variable}: the file {path} cannot be read ({error.strerror})."]
    except ValueError as error:
        return [f"{variable}: the file {path} {error}"]
    return []

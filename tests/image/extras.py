"""Tries the optional packages of the image: those that it was built with work.

A command that needs others fails, and names them.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from embedded.commands import CommandError
from tests.image.container import Container


@dataclass(frozen=True, kw_only=True)
class Extra:
    """Optional packages, by their name in EXTRAS, and a command that needs them."""

    name: str
    command: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)


_TRACE = "from observability import otlp; otlp.start(); otlp.stop()"
KNOWN = (
    Extra(
        name="weni",
        # Reading the settings makes the client.
        command=("python", "manage.py", "check"),
        settings={"DATALAKE_URL": "weni://127.0.0.1:9"},
    ),
    Extra(
        name="tracing",
        command=("python", "manage.py", "shell", "--command", _TRACE),
        settings={"TRACING_ENABLED": "true"},
    ),
    Extra(
        name="parquet",
        command=(
            *("python", "manage.py", "report", "--format", "parquet"),
            *("--output", "/tmp/report.parquet"),  # noqa: S108 (in the container)
        ),
    ),
)


def named_extras(text: str) -> list[str]:
    """Return the names in EXTRAS. Raise CommandError if one is unknown."""
    names, known = text.split(), [extra.name for extra in KNOWN]
    for name in names:
        if name not in known:
            raise CommandError(f"EXTRAS must be names of {', '.join(known)}, and not {name}.")
    return names


def try_extras(container: Container, *, built_with: Collection[str]) -> Iterator[str]:
    """Yield what was seen of each of them. Raise ProcessError if one is not as it should be."""
    for extra in KNOWN:
        ended = container.execute(*extra.command, settings=extra.settings)
        output = ended.stdout + ended.stderr
        if extra.name in built_with:
            if ended.returncode:
                raise container.process.error(f"cannot use {extra.name}:\n{output}\n")
            yield f"{extra.name}: works"
        else:
            if not ended.returncode or f"EXTRAS={extra.name}" not in output:
                raise container.process.error(f"does not ask for {extra.name}:\n{output}\n")
            yield f"{extra.name}: is not in the image, and a command that needs it says so"

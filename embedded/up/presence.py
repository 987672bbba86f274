"""How a drill finds a running `make up`, its processes and its settings.

Whoever runs `make up` has a file in `var/up` and a lock on it. The kernel releases the lock however
the program ends, so a file without a lock is left over from a program that was killed.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from embedded.service import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "var" / "up"


@dataclass(frozen=True, kw_only=True)
class RunningUp:
    """A running `make up`: its process id, its folder, and the service's settings."""

    pid: int
    directory: Path
    environment: Mapping[str, str]
    announcement: Path

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        try:
            with self.announcement.open() as file:
                return _is_locked(file)
        except FileNotFoundError:
            return False

    def has(self, name: str) -> bool:
        """Whether a process with this name was started."""
        return _pid_file(self.directory, name).exists()

    def pid_of(self, name: str) -> int:
        """Return the id of a process, which may have ended.

        Raises ProcessLookupError if `make up` has removed its folder.
        """
        try:
            return int(_pid_file(self.directory, name).read_text())
        except FileNotFoundError:
            raise ProcessLookupError(name) from None

    @contextmanager
    def reserved(self) -> Iterator[bool]:
        """Yield whether this program is the only drill; until the block ends, no other one is."""
        with _hold_file(self.directory, "drill").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    @contextmanager
    def kept_down(self, name: str) -> Iterator[None]:
        """Keep `make up` from starting a process again while the block runs."""
        with _hold_file(self.directory, name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def running_ups(folder: Path = FOLDER) -> list[RunningUp]:
    """Return each `make up` that runs, and remove the files of those that were killed."""
    found = []
    for path in sorted(folder.glob("*.json")):
        with suppress(FileNotFoundError), path.open() as file:
            if _is_locked(file):
                values = json.load(file)
                found.append(
                    RunningUp(
                        pid=values["pid"],
                        directory=Path(values["directory"]),
                        environment=values["environment"],
                        announcement=path,
                    )
                )
            else:
                path.unlink()
    return found


@contextmanager
def announced(
    *, directory: Path, environment: Mapping[str, str], folder: Path = FOLDER
) -> Iterator[None]:
    """Let drills find this program while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    pid = os.getpid()
    announcement = folder / f"{pid}.json"
    # Only this user may read the file, because it has passwords.
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".new", delete=False) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"pid": pid, "directory": str(directory), "environment": environment}, file)
        file.flush()
        Path(file.name).replace(announcement)
        try:
            yield
        finally:
            announcement.unlink(missing_ok=True)


def note_pid(directory: Path, *, name: str, pid: int) -> None:
    """Write the id of a process that was started."""
    path = _pid_file(directory, name)
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(str(pid))
    new.replace(path)


def is_held(directory: Path, name: str) -> bool:
    """Whether a drill keeps this process down."""
    try:
        with _hold_file(directory, name).open() as file:
            return _is_locked(file)
    except FileNotFoundError:
        return False


def _pid_file(directory: Path, name: str) -> Path:
    return directory / "pids" / name


def _hold_file(directory: Path, name: str) -> Path:
    return directory / f"{name}.held"


def _is_locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False

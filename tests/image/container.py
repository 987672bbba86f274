"""Runs programs of the image as an engine does: in namespaces, as its user, on a read-only root.

A program is process 1 of its own process namespace, has no capabilities, and can write only to its
volume and to a small /tmp. It shares the network of this program.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from embedded.processes import Command, ManagedProcess, Supervisor

TMP_BYTES = 64 * 2**20
_VOLUME = "/var/lib/conversations"
_CHECK_SECONDS = 60
_START_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Image:
    """The image's root file system, and its configuration as `buildah inspect` returns it."""

    root: Path
    config: Mapping[str, Any]

    @property
    def user(self) -> int:
        """The numeric id of the user."""
        return int(self.config["User"].partition(":")[0])

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that the image sets."""
        return dict(pair.split("=", 1) for pair in self.config["Env"])

    def in_namespaces(self, *arguments: str, options: Sequence[str | Path] = ()) -> list[str]:
        """Return the command that runs `arguments` as the image's user in new namespaces.

        `options` are bubblewrap's, for mounts over the root, which is read-only.
        """
        bwrap: list[str | Path] = [
            *("bwrap", "--ro-bind", self.root, "/", "--proc", "/proc", "--dev", "/dev"),
            *("--perms", "1777", "--tmpfs", "/dev/shm"),  # noqa: S108 (in the container)
            *("--perms", "1777", "--size", str(TMP_BYTES), "--tmpfs", "/tmp"),  # noqa: S108
            *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--as-pid-1"),
            *("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
            *("--cap-add", "CAP_SETPCAP", "--chdir", self.config["WorkingDir"], *options, "--"),
        ]
        as_user = [
            *("setpriv", "--reuid", str(self.user), "--regid", str(self.user), "--clear-groups"),
            *("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--"),
        ]
        return [str(word) for word in (*bwrap, *as_user, *arguments)]


@dataclass(frozen=True, kw_only=True)
class Container:
    """A running program of the image."""

    image: Image
    environment: Mapping[str, str]
    process: ManagedProcess

    @classmethod
    def start(
        cls,
        *,
        image: Image,
        name: str,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        volume: Path,
        processes: Supervisor,
        logs: Path,
    ) -> "Container":
        """Start a program with these settings and nothing else of this program's environment."""
        environment = {**image.environment, **settings}
        process = processes.start(
            command=Command(
                name=name,
                arguments=image.in_namespaces(
                    *arguments, options=["--bind", volume, _VOLUME, "--hostname", name]
                ),
                environment=environment,
                working_directory=volume,
            ),
            log=logs / f"{name}.log",
        )
        return cls(image=image, environment=environment, process=process)

    @property
    def first_process(self) -> int:
        """The id of process 1, seen from outside. Raises ProcessError if it has ended."""
        bwrap = psutil.Process(self.process.pid)
        self.process.wait_until_ready(
            is_ready=lambda: bool(bwrap.children()), timeout_seconds=_START_SECONDS
        )
        return bwrap.children()[0].pid

    def execute(
        self, *arguments: str, settings: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as a health check is run.

        `settings` replace those of the program for this command.
        """
        nsenter = shutil.which("nsenter") or "nsenter"
        inside = ["--mount", "--uts", "--ipc", "--pid", "--root", "--wd"]
        user = ["--setuid", str(self.image.user), "--setgid", str(self.image.user)]
        return subprocess.run(
            [nsenter, "--target", str(self.first_process), *inside, *user, "--", *arguments],
            env={**self.environment, **(settings or {})},
            capture_output=True,
            text=True,
            timeout=_CHECK_SECONDS,
            check=False,
        )

    def stop(self, *, grace_seconds: float) -> float:
        """Stop the program as an engine does: send the image's signal to process 1 only.

        Return how many seconds it took. Raise ProcessError if it outlives its grace, or if its
        status is not 0.
        """
        begun = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(self.first_process, signal.Signals[self.image.config["StopSignal"]])
        self.process.wait_until_done(timeout_seconds=grace_seconds)
        return time.monotonic() - begun

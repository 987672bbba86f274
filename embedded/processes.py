"""Starts child processes with a log and a readiness check. They never outlive this program."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from embedded.guarding import Guard, running_guard

_POLL_SECONDS = 0.02
_LOG_LINES_IN_ERRORS = 20
_GROUP_GONE_SECONDS = 0.5


class ProcessError(RuntimeError):
    """A child process failed or was not ready in time. The message quotes the end of its log."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command to run, and how to stop it.

    `arguments[0]` is the program. `environment` is the whole environment of the process. `user`
    and `group` are the numeric ids with which it runs; None stands for those of this program.
    `stop_signal` asks the process to end; after `grace_seconds` it is killed.
    """

    name: str
    arguments: Sequence[str | Path]
    environment: Mapping[str, str]
    working_directory: Path
    user: int | None = None
    group: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0


class ManagedProcess:
    """A child in its own session and process group. It can be started again when it has ended."""

    def __init__(self, *, command: Command, log: Path, guard: Guard) -> None:
        self.name = command.name
        self.log = log
        self._command = command
        self._guard = guard
        self._start()

    def start_again(self) -> None:
        """Start the same command if the child has ended. The log is continued."""
        if not self.is_running:
            self._start()

    def _start(self) -> None:
        command = self._command
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(  # noqa: S603 (commands are the project's own)
                [str(argument) for argument in command.arguments],
                cwd=command.working_directory,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=command.user,
                group=command.group,
                extra_groups=None if command.user is None else [],
            )
        self._has_buried_group = False
        self._guard.watch(pid=self.pid, stop_signal=command.stop_signal)

    @property
    def pid(self) -> int:
        """The process id of the child, and the number of its process group."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """The exit status: None while the child runs, negative if a signal ended it."""
        status = self._process.poll()
        if status is not None:
            self._bury_group()
        return status

    @property
    def is_running(self) -> bool:
        """Whether the child, which leads its process group, still runs."""
        return self.exit_status is None

    def check(self) -> None:
        """Raise ProcessError if the process has ended."""
        if not self.is_running:
            raise self.error(f"ended by itself with status {self.exit_status}")

    def log_text(self) -> str:
        """Return the output of this process so far, without earlier output in the same file."""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def wait_until_ready(self, *, is_ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Wait until `is_ready()`. Raises ProcessError if the process ends or is too slow."""
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            if not self.is_running:
                raise self.error(f"ended with status {self.exit_status} before it was ready")
            if time.monotonic() > deadline:
                raise self.error(f"was not ready after {timeout_seconds:g} seconds")
            time.sleep(_POLL_SECONDS)

    def wait_until_done(self, *, timeout_seconds: float) -> None:
        """Wait until the process ends with status 0. Raises ProcessError otherwise."""
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise self.error(f"was not done after {timeout_seconds:g} seconds") from None
        if self.exit_status != 0:
            raise self.error(f"ended with status {self.exit_status}")

    def error(self, what_happened: str) -> ProcessError:
        """Return a ProcessError with what happened and the last lines of the log."""
        lines = self.log_text().splitlines()[-_LOG_LINES_IN_ERRORS:]
        quoted = "\n".join(f"    {line}" for line in lines) or "    (nothing)"
        return ProcessError(f"{self.name} {what_happened}. The end of {self.log}:\n{quoted}")

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group, if the process runs."""
        if self.is_running:
            os.killpg(self.pid, number)

    def stop(self) -> None:
        """Ask the process to end; after its grace period, kill the rest of its process group."""
        if self.is_running:
            self._process.send_signal(self._command.stop_signal)
            # A frozen process ends only when it continues.
            self.send_signal(signal.SIGCONT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self._command.grace_seconds)
        self.kill()

    def kill(self) -> None:
        """Kill the whole process group at once, as the failure of a machine does."""
        if self.is_running:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            self._bury_group()

    def _bury_group(self) -> None:
        """Kill the processes that the ended child has left in its process group.

        This is done once, as soon as the end is noticed. Later, another group may have the same
        number.
        """
        if self._has_buried_group:
            return
        self._has_buried_group = True
        deadline = time.monotonic() + _GROUP_GONE_SECONDS
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(self.pid, signal.SIGKILL)
                time.sleep(_POLL_SECONDS)
        self._guard.forget(pid=self.pid)


class Supervisor:
    """Starts processes and creates directories, which end with the block of `supervisor`."""

    def __init__(self, *, exits: ExitStack, guard: Guard, keeps_directories: bool) -> None:
        self._exits = exits
        self._guard = guard
        self._keeps_directories = keeps_directories

    def start(self, *, command: Command, log: Path) -> ManagedProcess:
        """Start a child in its own session, and append its output to `log`."""
        process = ManagedProcess(command=command, log=log, guard=self._guard)
        self._exits.callback(process.stop)
        return process

    def run(self, *, command: Command, log: Path, timeout_seconds: float) -> None:
        """Run a command to its end. Raises ProcessError if it fails or is too slow."""
        self.start(command=command, log=log).wait_until_done(timeout_seconds=timeout_seconds)

    def temporary_directory(self, *, parent: Path | None = None) -> Path:
        """Return a new directory that only this program's user may enter."""
        directory = Path(tempfile.mkdtemp(prefix="conversations-", dir=parent))
        if not self._keeps_directories:
            self._guard.remove(directory=directory)
            self._exits.callback(shutil.rmtree, directory)
        return directory


@contextmanager
def supervisor(*, keeps_directories: bool = False) -> Iterator[Supervisor]:
    """Yield a supervisor; stop its processes, the last one first, when the block is left.

    Its directories are removed then, unless it keeps them. If this program is killed inside the
    block, the guard stops the processes within a few seconds.
    """
    with ExitStack() as exits:
        guard = exits.enter_context(running_guard())
        yield Supervisor(exits=exits, guard=guard, keeps_directories=keeps_directories)


@contextmanager
def sigterm_as_exit() -> Iterator[None]:
    """Make SIGTERM raise SystemExit(143), so that it leaves `with` blocks in order.

    For the main thread only. The previous handler is restored at the end.
    """

    def leave(_number: int, _frame: object) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    previous = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)

"""`.ci/run` runs the browser tests beside chaos, and stops them if chaos fails.

A stand-in for `make` takes the place of the tests.
"""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from embedded.service import PROJECT_ROOT

MAKE = """#!/bin/sh
case $1 in
test-browser)
    echo "browser tests begin"
    sleep "$BROWSER_SECONDS" &
    echo $! >"$STARTED"
    wait
    echo "browser tests end"
    exit "$BROWSER_STATUS" ;;
chaos-short)
    while [ ! -s "$STARTED" ]; do sleep 0.01; done
    exit "$CHAOS_STATUS" ;;
esac
"""


def run_ci(
    directory: Path, *, browser_seconds: int = 0, browser_status: int = 0, chaos_status: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the script. The file `started` gets the process id of a child of the browser tests."""
    installed = dict.fromkeys(("chromium", "pgbouncer"), "#!/bin/sh")
    for name, text in {"make": MAKE, **installed}.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    return subprocess.run(
        [PROJECT_ROOT / ".ci" / "run"],
        env={
            **os.environ,
            "PATH": f"{directory}:{os.environ['PATH']}",
            "STARTED": str(directory / "started"),
            "BROWSER_SECONDS": str(browser_seconds),
            "BROWSER_STATUS": str(browser_status),
            "CHAOS_STATUS": str(chaos_status),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def soon_has_ended(pid: int) -> bool:
    """Whether a process ends within a few seconds. A zombie has ended, too."""
    deadline = time.monotonic() + 5
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
    return True


@pytest.mark.parametrize("status", [0, 2])
def test_the_script_waits_for_the_browser_tests_and_ends_with_their_status(
    status: int, tmp_path: Path
) -> None:
    ended = run_ci(tmp_path, browser_status=status)

    assert ended.returncode == status
    assert ended.stdout.splitlines() == ["browser tests begin", "browser tests end"]


def test_a_failed_step_stops_the_browser_tests_and_prints_their_output(tmp_path: Path) -> None:
    ended = run_ci(tmp_path, browser_seconds=60, chaos_status=3)

    assert ended.returncode == 3
    assert ended.stdout.splitlines() == ["browser tests begin"]
    assert soon_has_ended(int((tmp_path / "started").read_text()))

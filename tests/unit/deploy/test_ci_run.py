"""`.ci/run` runs the outage tests beside other steps, and stops them if another step fails.

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
test-outages)
    echo "outage tests begin"
    sleep "$OUTAGE_SECONDS" &
    echo $! >"$STARTED"
    wait
    echo "outage tests end"
    exit "$OUTAGE_STATUS" ;;
test-browser)
    while [ ! -s "$STARTED" ]; do sleep 0.01; done
    exit "$BROWSER_STATUS" ;;
esac
"""


def run_ci(
    directory: Path, *, outage_seconds: int = 0, outage_status: int = 0, browser_status: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the script. The file `started` gets the process id of a child of the outage tests."""
    for name, text in {"make": MAKE, "chromium": "#!/bin/sh", "pgbouncer": "#!/bin/sh"}.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    return subprocess.run(
        [PROJECT_ROOT / ".ci" / "run"],
        env={
            **os.environ,
            "PATH": f"{directory}:{os.environ['PATH']}",
            "STARTED": str(directory / "started"),
            "OUTAGE_SECONDS": str(outage_seconds),
            "OUTAGE_STATUS": str(outage_status),
            "BROWSER_STATUS": str(browser_status),
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
def test_the_script_waits_for_the_outage_tests_and_ends_with_their_status(
    status: int, tmp_path: Path
) -> None:
    ended = run_ci(tmp_path, outage_status=status)

    assert ended.returncode == status
    assert ended.stdout.splitlines() == ["outage tests begin", "outage tests end"]


def test_a_failed_step_stops_the_outage_tests_and_prints_their_output(tmp_path: Path) -> None:
    ended = run_ci(tmp_path, outage_seconds=60, browser_status=3)

    assert ended.returncode == 3
    assert ended.stdout.splitlines() == ["outage tests begin"]
    assert soon_has_ended(int((tmp_path / "started").read_text()))

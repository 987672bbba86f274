"""CPU time and memory are measured for whole process trees, including children that have ended."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from bench.common.process_tree import cpu_seconds, resident_megabytes

# One child has worked and ended, one still runs.
PARENT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"])
child = subprocess.Popen(
    [sys.executable, "-c", "sum(range(3_000_000)); print(flush=True); input()"],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.readline()
child.kill()
child.wait()
"""


@pytest.fixture
def family() -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """Yield a parent process and its running child."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        yield psutil.Process(parent.pid), psutil.Process(int(parent.stdout.readline()))
        parent.communicate("stop\n")


def test_the_cpu_time_of_a_tree_includes_running_and_ended_children(
    family: tuple[psutil.Process, psutil.Process],
) -> None:
    parent, child = family
    before = parent.cpu_times()
    own = before.user + before.system
    of_ended = before.children_user + before.children_system
    of_running = sum(child.cpu_times()[:2])

    assert of_ended > 0
    assert cpu_seconds([parent.pid]) >= own + of_ended + of_running


def test_the_memory_of_a_tree_includes_all_its_processes(
    family: tuple[psutil.Process, psutil.Process],
) -> None:
    parent, child = family
    held = (parent.memory_info().rss + child.memory_info().rss) / 1_000_000

    assert resident_megabytes([parent.pid]) == pytest.approx(held, rel=0.2)


def test_a_process_that_has_ended_has_no_cpu_time_and_no_memory() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert cpu_seconds([ended.pid]) == resident_megabytes([ended.pid]) == 0

"""The memory of Flower does not grow with the tasks and the workers that it has seen."""

import asyncio
import gc
import time
import tracemalloc
from collections import defaultdict
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from flower.app import Flower
from flower.events import EventsState
from flower.options import options as flower_options
from prometheus_client import REGISTRY, generate_latest
from tornado.options import OptionParser

from observability.flower import bounds
from observability.flower.bounds import FORGET_AFTER, MAX_TASKS, forget_gone_workers, set_defaults

STEPS = ("process_message", "persist_dynamo", "handle_csat")
# docs/metrics.md says that MAX_TASKS of one event each need 55 MiB.
MAX_BYTES_OF_A_TASK = 55 * 2**20 / MAX_TASKS


class Events:
    """Sends events to a state of Flower, as workers of this service do."""

    def __init__(self, state: EventsState) -> None:
        self._state = state
        self._clock = count(1)

    def send(self, kind: str, worker: str, *, at: float, **fields: Any) -> None:
        """Send an event of a worker at a time."""
        common = {"hostname": worker, "timestamp": at, "local_received": at, "pid": 100}
        self._state.event({"type": kind, "clock": next(self._clock), **common, **fields})

    def run_chain(self, worker: str, *, at: float) -> None:
        """Send the events of a chain."""
        root: str | None = None
        parent: str | None = None
        for step in STEPS:
            task = str(uuid4())
            root = root or task
            name = f"tasks.pipeline.{step}"
            ids = {"uuid": task, "utcoffset": 0}
            received = {"root_id": root, "parent_id": parent, "args": f"({uuid4()})"}
            self.send("task-received", worker, at=at, name=name, kwargs="{}", **ids, **received)
            self.send("task-started", worker, at=at, **ids)
            ended = {"name": name, "result": "1 done", "runtime": 0.01}
            self.send("task-succeeded", worker, at=at, **ids, **ended)
            parent = task


@pytest.fixture
def flower() -> Flower:
    """Return Flower without a server and without a connection."""
    flower = object.__new__(Flower)
    flower.options = SimpleNamespace(purge_offline_workers=FORGET_AFTER)
    flower.events = SimpleNamespace(state=EventsState(max_tasks_in_memory=100))
    flower.inspector = SimpleNamespace(workers=defaultdict(dict))
    return flower


def series_of(worker: str) -> list[str]:
    """Return the time series of a worker in Flower's metrics."""
    metrics = generate_latest(REGISTRY).decode().splitlines()
    return [line for line in metrics if f'worker="{worker}"' in line]


def test_the_options_of_an_operator_have_precedence_over_the_defaults() -> None:
    options = OptionParser()
    for name in ("max_tasks", "purge_offline_workers"):
        assert name in flower_options
        options.define(name, default=None, type=int)
    options.parse_command_line(["flower", "--max_tasks=5"])

    set_defaults(options)

    assert (options.max_tasks, options.purge_offline_workers) == (5, FORGET_AFTER)
    options = OptionParser()
    for name in ("max_tasks", "purge_offline_workers"):
        options.define(name, default=None, type=int)
    set_defaults(options)
    assert options.max_tasks == MAX_TASKS


def test_all_that_flower_has_about_workers_that_are_gone_for_long_is_removed(
    flower: Flower,
) -> None:
    now, state = time.time(), flower.events.state
    events = Events(state)
    ages = {"killed": FORGET_AFTER + 10, "stopped": FORGET_AFTER + 10, "restarting": 60, "here": 0}
    for worker, age in ages.items():
        events.send("worker-heartbeat", worker, at=now - age, freq=2.0, active=1)
        events.run_chain(worker, at=now - age)
        flower.inspector.workers[worker]["stats"] = {"total": 1}
    events.send("worker-offline", "stopped", at=now - ages["stopped"])
    assert all(series_of(worker) for worker in ages)

    forget_gone_workers(flower)

    kept = {"restarting", "here"}
    assert {worker for worker in ages if series_of(worker)} == kept
    assert set(state.workers) == kept
    assert set(state.counter) == kept
    assert set(state.tasks_by_worker) == kept
    assert set(flower.inspector.workers) == kept
    # The tasks themselves stay, up to their own limit.
    assert len(state.tasks) == len(ages) * len(STEPS)
    events.run_chain("killed", at=now)
    assert series_of("killed")
    state.metrics.remove_workers(set(ages))


def test_flower_forgets_workers_regularly_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[Flower] = []
    started: list[Flower] = []

    async def run() -> None:
        bounds.forget_gone_workers_regularly()
        flower = object.__new__(Flower)
        flower.start()
        assert started == [flower]
        while len(forgotten) < 2:
            await asyncio.sleep(0.01)
        assert forgotten[0] is flower

    monkeypatch.setattr(Flower, "start", started.append)
    monkeypatch.setattr(bounds, "FORGET_EVERY", 0.01)
    monkeypatch.setattr(bounds, "forget_gone_workers", forgotten.append)
    asyncio.run(asyncio.wait_for(run(), timeout=10))


def test_a_task_needs_as_much_memory_as_the_documentation_says() -> None:
    limit = 300
    # Whatever is created only once is not measured.
    Events(EventsState(max_tasks_in_memory=limit)).run_chain("measured", at=time.time())
    tracemalloc.start()
    try:
        state = EventsState(max_tasks_in_memory=limit)
        events = Events(state)
        for _ in range(limit):
            events.run_chain("measured", at=time.time())
        # The tasks that were dropped refer to each other.
        gc.collect()
        used, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        state.metrics.remove_workers({"measured"})

    assert len(state.tasks) == limit
    assert used < limit * MAX_BYTES_OF_A_TASK

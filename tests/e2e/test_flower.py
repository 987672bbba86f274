"""Stock Flower with this worker: which data it shows or hides, and which actions it refuses."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from flower.urls import handlers

from embedded.servers import Server
from embedded.service import running_flower
from embedded.stack import Stack
from tests.e2e.conftest import any_batch_size
from tests.support.builders import CHANNEL, NAME, PROJECT, TEXT, URN, numbered_message
from tests.support.running_service import Service
from tests.support.running_workers import wait_until

LOGIN = ("operator", "a password")
STEPS = ["process_message", "persist_dynamo", "handle_csat"]
EVENTS = 3
# Texts, names and addresses of contacts, which Flower must not show. Group ids contain addresses.
PRIVATE = (TEXT, NAME, URN, f"{PROJECT}:{CHANNEL}")
SENDS_TASKS = ("/api/task/apply/", "/api/task/async-apply/", "/api/task/send-task/")


@dataclass
class Flower:
    """Flower's pages, with or without its login."""

    pages: Server
    session: requests.Session

    def get(self, path: str) -> str:
        """Return the text of a page, which must exist."""
        answer = self.session.get(f"{self.pages.url}{path}", timeout=20)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def json(self, path: str) -> Any:
        """Return the parsed JSON of a path, which must exist."""
        answer = self.session.get(f"{self.pages.url}{path}", timeout=20)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.json()

    def post(self, path: str) -> requests.Response:
        """Send a POST request, and return the response."""
        return self.session.post(f"{self.pages.url}{path}", json={"args": []}, timeout=20)

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Return the chain's tasks that Flower knows, by their ids."""
        tasks: dict[str, dict[str, Any]] = self.json("/api/tasks?limit=1000")
        ours = [f"tasks.pipeline.{step}" for step in STEPS]
        return {uuid: task for uuid, task in tasks.items() if task["name"] in ours}


@contextmanager
def watching(environment: dict[str, str], *, logs: Path) -> Iterator[Flower]:
    settings = {**environment, "FLOWER_BASIC_AUTH": ":".join(LOGIN)}
    with running_flower(environment=settings, logs=logs) as pages, requests.Session() as session:
        session.trust_env = False
        session.auth = LOGIN
        yield Flower(pages, session)


def changing_paths() -> list[str]:
    """Return the path of every POST handler of Flower, with "x" for each argument."""
    paths = []
    for handler in handlers:
        pattern, kind = handler[:2] if isinstance(handler, tuple) else (None, None)
        if pattern and pattern.startswith("/api/") and "post" in vars(kind):
            paths.append(re.sub(r"\(.*\)", "x", pattern))
    return paths


@pytest.mark.parametrize("batch_size", [1], ids=["a chain for each event"])
def test_flower_shows_the_worker_its_chains_and_its_queues_and_no_data_of_contacts(
    service: Service,
) -> None:
    with watching(service.environment, logs=service.logs) as flower:
        worker = service.start_worker()
        for number in range(EVENTS):
            service.send_from(URN, numbered_message(number))
        service.send_from(URN, "no event")
        service.wait_until_empty()

        def has_all_tasks() -> bool:
            succeeded = [t for t in flower.tasks().values() if t["state"] == "SUCCESS"]
            return len(succeeded) == EVENTS * len(STEPS)

        wait_until(has_all_tasks, timeout=30, workers=[worker, flower.pages.process])
        _the_worker_is_online(flower)
        _every_chain_has_its_three_steps(flower.tasks())
        _the_queues_have_their_depths(flower, service)
        _no_page_has_what_people_wrote(flower)


def _the_worker_is_online(flower: Flower) -> None:
    (row,) = [row for row in flower.json("/workers?json=1")["data"] if row["status"]]
    assert row["hostname"].startswith("worker0@")
    assert re.search(r'flower_worker_online\{worker="worker0@\S+"\} 1.0', flower.get("/metrics"))


def _every_chain_has_its_three_steps(tasks: dict[str, dict[str, Any]]) -> None:
    chains: dict[str, list[dict[str, Any]]] = {}
    for uuid, task in tasks.items():
        if task["state"] == "SUCCESS":
            chains.setdefault(task["root_id"] or uuid, []).append({"uuid": uuid, **task})
    assert len(chains) == EVENTS
    for chain in chains.values():
        by_step = {task["name"].rpartition(".")[2]: task for task in chain}
        first, second, third = (by_step[step] for step in STEPS)
        assert second["parent_id"] == first["uuid"]
        assert third["parent_id"] == second["uuid"]
        assert all(task["runtime"] > 0 for task in chain)
        assert all(task["worker"].startswith("worker0@") for task in chain)


def _the_queues_have_their_depths(flower: Flower, service: Service) -> None:
    queue = service.queue
    dead = service.environment["SQS_CONVERSATION_DLQ_URL"].rpartition("/")[2]
    page = flower.get("/broker")
    assert service.queue_url in page
    assert _cells(page, queue) == [queue, "0", "0", "0"]
    assert _cells(page, dead) == [dead, "1", "0", "1"]
    metrics = flower.get("/metrics")
    assert f'sqs_queue_messages{{queue="{dead}",state="waiting"}} 1.0' in metrics
    assert f'sqs_queue_messages{{queue="{queue}",state="in_flight"}} 0.0' in metrics
    assert f'sqs_queue_up{{queue="{queue}"}} 1.0' in metrics


def _cells(page: str, queue: str) -> list[str]:
    """Return the cells in a queue's row: its name and three counts."""
    row = page.partition(f'<tr id="{queue}">')[2].partition("</tr>")[0]
    return re.findall(r"<td[^>]*>(.*?)</td>", row)[:4]


def _no_page_has_what_people_wrote(flower: Flower) -> None:
    tasks = flower.tasks()
    (worker,) = {task["worker"] for task in tasks.values()}
    paths = ["/", "/workers", "/tasks", "/broker", "/metrics", f"/worker/{worker}"]
    paths += ["/workers?json=1", "/api/workers?refresh=1", "/api/tasks", "/api/task/types"]
    paths += [f"/task/{uuid}" for uuid in tasks]
    paths += [f"/api/task/info/{uuid}" for uuid in tasks]
    shown = {path: flower.get(path) for path in paths}
    shown["the log"] = flower.pages.process.log_text()
    for path, text in shown.items():
        for private in PRIVATE:
            assert private not in text, path


def test_flower_changes_nothing_unless_that_is_enabled_and_never_sends_a_task(
    stack: Stack, tmp_path: Path
) -> None:
    paths = changing_paths()
    assert len(paths) > len(SENDS_TASKS)
    assert {path for path in paths if path.startswith(SENDS_TASKS)} == {
        f"{path}x" for path in SENDS_TASKS
    }
    with watching(stack.environment, logs=tmp_path) as flower:
        for path in paths:
            answer = flower.post(path)
            assert answer.status_code == 403, path
            assert len(answer.text.split()) > 3, path
        flower.session.auth = None
        for path in ("/", "/tasks", "/broker", "/api/tasks", "/api/workers"):
            assert flower.session.get(f"{flower.pages.url}{path}").status_code == 401, path
        for path in paths:
            assert flower.post(path).status_code == 401, path
    with watching({**stack.environment, "FLOWER_MAY_CONTROL": "true"}, logs=tmp_path) as flower:
        for path in paths:
            answer = flower.post(path)
            assert (answer.status_code == 403) == path.startswith(SENDS_TASKS), path
            if path.startswith(SENDS_TASKS):
                assert answer.text.startswith("Flower sends no tasks here")


@any_batch_size
@pytest.mark.slow
def test_flower_forgets_a_worker_that_was_killed(service: Service) -> None:
    with watching(
        {**service.environment, "FLOWER_PURGE_OFFLINE_WORKERS": "1"}, logs=service.logs
    ) as flower:
        killed, other = service.start_worker(), service.start_worker()
        for number in range(EVENTS):
            service.send_from(f"{URN}{number}", numbered_message(number))
        service.wait_until_empty()

        def shown() -> set[str]:
            return set(re.findall(r'worker="(worker\d)@', flower.get("/metrics")))

        wait_until(lambda: shown() == {"worker0", "worker1"}, timeout=30, workers=[killed, other])
        killed.kill()
        wait_until(lambda: shown() == {"worker1"}, timeout=60, workers=[other])

        rows = flower.json("/workers?json=1")["data"]
        assert [row["hostname"].partition("@")[0] for row in rows] == ["worker1"]

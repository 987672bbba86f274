"""The metrics of a real worker with two pool processes, one of which is killed."""

import resource
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from embedded.network import free_port
from embedded.processes import ManagedProcess
from observability.metrics.merging import MERGE_EVERY
from tests.e2e.conftest import any_batch_size
from tests.support.builders import close_body, message_body, survey_body
from tests.support.running_service import Service
from tests.support.scraping import Scrape, scrape

CONTACTS = 5


@pytest.fixture
def port(service: Service) -> int:
    port = free_port()
    service.environment["METRICS_PORT"] = str(port)
    return port


@pytest.fixture
def temporary(service: Service, tmp_path: Path) -> Path:
    """The folder for the worker's temporary files."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    service.environment["TMPDIR"] = str(directory)
    return directory


def send_messages(service: Service) -> None:
    for number in range(CONTACTS):
        contact = f"telegram:{number}"
        service.send_from(contact, message_body(urn=contact, message={"id": str(uuid4())}))


def pool_processes(worker: ManagedProcess) -> list[psutil.Process]:
    return psutil.Process(worker.pid).children()


def kill_and_wait(service: Service, worker: ManagedProcess, process: psutil.Process) -> None:
    """Kill a pool process, and wait until it is replaced."""
    size = len(pool_processes(worker))
    process.kill()
    service.wait_until(
        lambda: len([one for one in pool_processes(worker) if one != process]) == size
    )


def scrape_when_settled(service: Service, port: int) -> Scrape:
    """Scrape after the worker has noticed that the queue is empty."""
    service.wait_until_empty()
    pages: list[Scrape] = []

    def is_settled() -> bool:
        pages.append(scrape(port))
        received, deleted = (
            pages[-1].value(f"sqs_fifo_{name}_total") for name in ("received", "deleted")
        )
        return received == deleted

    service.wait_until(is_settled)
    return pages[-1]


def ended(page: Scrape, event_type: str, outcome: str = "done") -> float:
    return page.value("conversations_events_ended_total", event_type=event_type, outcome=outcome)


def counted(page: Scrape) -> dict[Any, float]:
    """Return the counters and histograms, except the calls to SQS, which go on without events."""
    return {
        key: value
        for key, value in page.samples.items()
        if key[0].endswith(("_total", "_count", "_sum")) and key[0] != "sqs_fifo_calls_total"
    }


@any_batch_size
def test_a_workers_counts_add_up_and_survive_the_death_of_a_process(
    service: Service, port: int, temporary: Path
) -> None:
    worker = service.start_worker(concurrency=2)
    (directory,) = temporary.glob("conversation-metrics-*")
    send_messages(service)
    service.send_from("telegram:0", "no json")
    service.wait_until_empty()
    service.send_from("telegram:1", survey_body(urn="telegram:1"))
    service.send_from("telegram:1", close_body(urn="telegram:1"))

    before = scrape_when_settled(service, port)
    assert before.value("sqs_fifo_quarantined_total", reason="not_json") == 1
    # Prometheus sees the first dead letter of a reason only if there was a 0 before it.
    assert before.value("sqs_fifo_quarantined_total", reason="missing_field") == 0
    assert ended(before, "message.received") == CONTACTS + 1
    assert ended(before, "unread", "invalid") == 1
    assert before.value("conversations_closed_total", by="event") == 1

    kill_and_wait(service, worker, pool_processes(worker)[0])
    send_messages(service)

    after = scrape_when_settled(service, port)
    assert len(counted(before)) > 20
    assert all(after.samples[key] >= value for key, value in counted(before).items())
    done = 2 * CONTACTS + 2
    # Two more messages were received: a body that is not JSON, and the pointer for the data lake.
    # Beat is not running, so that there are no ticks.
    assert after.value("sqs_fifo_received_total") == done + 2
    assert ended(after, "message.received") == 2 * CONTACTS + 1
    assert ended(after, "conversation.close") == 1
    assert after.value("conversations_event_latency_seconds_count") == done
    assert after.value("conversations_event_latency_seconds_bucket", le="+Inf") == done
    assert after.value("conversations_messages_stored_total") == 2 * CONTACTS
    # One message of the second load was queued after the close, and opened the next conversation.
    assert after.value("conversations_opened_total") == CONTACTS + 1
    assert after.value("conversations_late_messages_total", found="by_time") == 0
    assert after.value("conversations_archives_written_total") == 1
    assert after.value("sqs_fifo_calls_total", action="SendMessage", result="ok") == 1
    assert after.value("sqs_fifo_circuit_open", queue=service.queue) == 0
    assert after.value("conversations_queue_visible_messages", queue="dead_letters") == 1
    assert after.value("conversations_closings_due") == 0
    assert after.value("conversations_state_errors_total", source="postgresql") == 0

    worker.stop()
    assert not directory.exists()
    assert [file for file in temporary.rglob("*") if file.is_file()] == []


@any_batch_size
@pytest.mark.slow
def test_pool_processes_that_end_leave_no_files_and_their_counts_stay(
    service: Service, port: int, temporary: Path
) -> None:
    worker = service.start_worker(concurrency=2)
    (directory,) = temporary.glob("conversation-metrics-*")
    for _ in range(4):
        send_messages(service)
        service.wait_until_empty()
        for process in pool_processes(worker):
            kill_and_wait(service, worker, process)
    before = counted(scrape_when_settled(service, port))

    def all_are_merged() -> bool:
        names = [path.name for path in directory.iterdir()]
        # The main process and two pool processes have two files each.
        return sum("merged" in name for name in names) == 2 and len(names) <= 3 * 2 + 2

    service.wait_until(all_are_merged, timeout=MERGE_EVERY + 20)

    page = scrape(port)
    after = counted(page)
    assert after == pytest.approx(before)
    assert all(after[key] >= before[key] for key in before)
    assert ended(page, "message.received") == 4 * CONTACTS
    assert worker.is_running


@any_batch_size
def test_events_take_effect_when_the_folder_of_the_metrics_is_gone(
    service: Service, port: int, temporary: Path
) -> None:
    worker = service.start_worker(concurrency=2)
    (directory,) = temporary.glob("conversation-metrics-*")
    send_messages(service)
    service.wait_until_empty()
    shutil.rmtree(directory)
    for process in pool_processes(worker):
        kill_and_wait(service, worker, process)
    send_messages(service)
    service.wait_until_empty(timeout=60)

    assert service.dead_letter_count() == 0
    service.wait_until(lambda: "observation_failed" in worker.log_text())
    assert worker.is_running


@any_batch_size
def test_events_take_effect_while_no_file_can_be_written(
    service: Service, port: int, temporary: Path
) -> None:
    """A limit on the size of files has the effect of a full disk: for logs, metrics and semaphores.

    A killed pool process cannot be replaced meanwhile, because a new one needs semaphores.
    """
    worker = service.start_worker(concurrency=2)
    send_messages(service)
    service.wait_until_empty()
    limit_files(worker, size=0)
    pool_processes(worker)[0].kill()
    send_messages(service)
    service.wait_until_empty(timeout=60)
    limit_files(worker, size=resource.RLIM_INFINITY)
    service.wait_until(lambda: len(pool_processes(worker)) == 2)

    assert worker.is_running
    assert service.dead_letter_count() == 0
    send_messages(service)
    service.wait_until_empty()
    assert ended(scrape_when_settled(service, port), "message.received") >= 2 * CONTACTS


def limit_files(worker: ManagedProcess, *, size: int) -> None:
    """Limit the size of files that a worker and its pool processes write, in bytes."""
    main = psutil.Process(worker.pid)
    for process in (main, *main.children(recursive=True)):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

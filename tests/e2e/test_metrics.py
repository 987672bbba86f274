"""The metrics of a real worker with two pool processes, one of which is killed."""

import shutil
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from embedded.network import free_port
from embedded.processes import ManagedProcess
from testbed.traffic.sending import depth
from tests.e2e.conftest import Service, any_batch_size
from tests.support.builders import CHANNEL, PROJECT, close_body, message_body, survey_body
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


def send(service: Service, body: str, *, contact: str) -> None:
    service.send(body=body, group=f"{PROJECT}:{CHANNEL}:{contact}")


def send_messages(service: Service) -> None:
    for number in range(CONTACTS):
        contact = f"telegram:{number}"
        send(service, message_body(urn=contact, message={"id": str(uuid4())}), contact=contact)


def pool_processes(worker: ManagedProcess) -> list[psutil.Process]:
    return psutil.Process(worker.pid).children()


def kill_a_pool_process(service: Service, worker: ManagedProcess) -> None:
    """Kill a pool process, and wait until it is replaced."""
    before = pool_processes(worker)
    before[0].kill()
    service.wait_until(
        lambda: len([one for one in pool_processes(worker) if one != before[0]]) == len(before)
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


@any_batch_size
def test_what_a_worker_counts_adds_up_and_survives_the_death_of_a_process(
    service: Service, port: int, temporary: Path
) -> None:
    worker = service.start_worker(concurrency=2)
    (directory,) = temporary.glob("conversation-metrics-*")
    send_messages(service)
    send(service, "no json", contact="telegram:0")
    service.wait_until_empty()
    send(service, survey_body(urn="telegram:1"), contact="telegram:1")
    send(service, close_body(urn="telegram:1"), contact="telegram:1")

    before = scrape_when_settled(service, port)
    assert before.value("sqs_fifo_quarantined_total", reason="not_json") == 1
    assert ended(before, "message.received") == CONTACTS + 1
    assert ended(before, "unread", "invalid") == 1
    assert before.value("conversations_closed_total", by="event") == 1

    kill_a_pool_process(service, worker)
    send_messages(service)

    after = scrape_when_settled(service, port)
    counted = [key for key in before.samples if key[0].endswith(("_total", "_count", "_sum"))]
    assert len(counted) > 20
    assert all(after.samples[key] >= before.samples[key] for key in counted)
    done = 2 * CONTACTS + 2
    # Beat is not running. The others are a body that is not JSON, and the pointer for the lake.
    assert after.value("sqs_fifo_received_total") == done + 2
    assert ended(after, "message.received") == 2 * CONTACTS + 1
    assert ended(after, "conversation.close") == 1
    assert after.value("conversations_event_latency_seconds_count") == done
    assert after.value("conversations_event_latency_seconds_bucket", le="+Inf") == done
    assert after.value("conversations_messages_stored_total") == 2 * CONTACTS
    assert after.value("conversations_opened_total") == CONTACTS
    # All messages have one time, so one of the second load is late for the closed conversation.
    assert after.value("conversations_late_messages_total", found="by_time") == 1
    assert after.value("conversations_archives_written_total") == 2
    assert after.value("sqs_fifo_calls_total", action="SendMessage", result="ok") == 1
    assert after.value("sqs_fifo_circuit_open", queue=service.queue_url.rpartition("/")[2]) == 0
    assert after.value("conversations_queue_visible_messages", queue="dead_letters") == 1
    assert after.value("conversations_closings_due") == 0
    assert after.value("conversations_state_errors_total", source="postgresql") == 0

    worker.stop()
    assert not directory.exists()
    assert list(temporary.iterdir()) == []


@any_batch_size
def test_events_take_effect_when_the_folder_of_the_metrics_is_gone(
    service: Service, port: int, temporary: Path
) -> None:
    worker = service.start_worker(concurrency=2)
    (directory,) = temporary.glob("conversation-metrics-*")
    send_messages(service)
    service.wait_until_empty()
    shutil.rmtree(directory)
    kill_a_pool_process(service, worker)
    kill_a_pool_process(service, worker)
    send_messages(service)
    service.wait_until_empty(timeout=60)

    assert depth(service.sqs, service.environment["SQS_CONVERSATION_DLQ_URL"]) == 0
    assert "observation_failed" in worker.log_text()
    assert worker.is_running

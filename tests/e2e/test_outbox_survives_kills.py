"""Answers reach the data lake although workers are killed while they send them."""

import json
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from apps.analytics.models import OutboxEvent, SurveyAnswer
from tests.e2e.conftest import any_batch_size
from tests.support.builders import survey_body
from tests.support.fault_points import FaultPoint, Strike, arm
from tests.support.running_service import Service

ANSWERS = 20


def answer_everything(service: Service) -> None:
    for number in range(ANSWERS):
        urn = f"telegram:{number}"
        service.send_from(urn, survey_body(urn=urn, message={"id": f"answer-{number}"}))


def event_counts(lake: Path) -> Counter[str]:
    """Return how often the lake has each event."""
    lines = [line for file in lake.glob("*/*.jsonl") for line in file.read_text().splitlines()]
    return Counter(json.loads(line)["event_id"] for line in lines)


@pytest.mark.slow
@any_batch_size
def test_kills_around_a_delivery_lose_no_answer_and_keep_its_event_id(
    service: Service, tmp_path: Path
) -> None:
    lake, plan = tmp_path / "lake", tmp_path / "plan"
    points = [
        FaultPoint(stage="outbox", effect="send to the lake"),
        FaultPoint(stage="outbox", effect="record the delivery"),
    ]
    faults = arm(plan, [(point, Strike.KILL_WORKER) for point in points])
    service.app = "tests.support.faulty_app"
    service.environment |= {"DATALAKE_URL": f"{lake.as_uri()}?gather=0s", "FAULT_PLAN": str(plan)}
    answer_everything(service)

    for fault in faults:
        worker = service.start_worker()
        service.wait_until(partial(getattr, fault, "has_struck"), timeout=60)
        service.kill(worker)
    service.start_worker()
    service.wait_until(lambda: waiting() == 0 and service.left_on_queue() == 0, timeout=60)

    assert SurveyAnswer.objects.count() == OutboxEvent.objects.count() == ANSWERS
    ids = {str(one) for one in OutboxEvent.objects.values_list("event_id", flat=True)}
    assert event_counts(lake).keys() == ids


def waiting() -> int:
    """Return how many of the answers are not delivered yet."""
    return ANSWERS - OutboxEvent.objects.exclude(delivered_at=None).count()

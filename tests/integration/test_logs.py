"""The log lines of a worker have ids, one line for each event, and no personal data."""

import io
import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest

from apps.common.errors import Unavailable
from apps.conversations import windows
from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
from apps.messages import store
from celery_sqs_fifo import DONE, Backoff, Outcome, Result
from celery_sqs_fifo.consuming.leases import Leases
from celery_sqs_fifo.consuming.quarantine import Quarantine, about
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.running.envelope import Envelope
from config.celery import app
from config.celeryconfig import QUEUE
from observability.logging import logging_config
from tasks.closing import close_conversation
from tasks.event_rules import RULES
from testbed.checker.logs import leaks, personal_data
from tests.support.builders import (
    NAME,
    NOON,
    TEXT,
    URN,
    close_body,
    conversation,
    message_body,
    survey_body,
)
from tests.support.chain_app import run_as_pool_process
from tests.support.fake_calls import FakeCalls, delivery
from tests.support.logs import production_formatter
from tests.support.samples import samples

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

OF_AN_EVENT = {"correlation_id", "project_uuid", "group", "message_id"}
OF_A_RUN = {"task_id", "step", "attempt"}
OF_AN_END = {"outcome", "event_type", "since_sent_ms", "receive_count"}
GROUP = f"5f0c2f3a:a3b1d0c2:{URN}"


class Logged:
    """Simulates the main process and a pool process of a worker, and collects their log lines."""

    def __init__(self, log: io.StringIO) -> None:
        self._log = log
        app.loader.import_default_modules()
        self._envelope = Envelope(
            app=app,
            queue=QUEUE,
            rules=RULES,
        )
        calls: Any = FakeCalls(at_once={"SendMessage"})
        backoff = Backoff(first=1, longest=1)
        self._quarantine = Quarantine(
            calls=calls,
            queue_url="dlq",
            max_message_bytes=1_000_000,
            backoff=backoff,
            leases=Leases(
                calls=calls,
                queue_url="queue",
                timeout=60,
                backoff=backoff,
                now=lambda: 1_000.0,
                call_later=lambda *_: None,
                report=lambda _report, _delivery: None,
            ),
            call_later=lambda *_: None,
            report=lambda _report, _delivery: None,
        )

    def run(self, *deliveries: Delivery) -> list[Outcome]:
        """Run a batch and settle it: failed events are held, and invalid ones quarantined."""
        for one in deliveries:
            self._envelope.classify(one)
        failed, report, _ = run_as_pool_process(app, self._envelope.message(deliveries))
        error = getattr(report.exception, "exc", report.exception) if failed else None
        outcomes = error.outcomes if error else [DONE for _ in deliveries]
        for one, outcome in zip(deliveries, outcomes, strict=True):
            if outcome.result is Result.INVALID:
                self._quarantine.add(one, outcome)
            elif outcome.result is not Result.DONE:
                logging.getLogger("celery_sqs_fifo.consuming.settler").warning(
                    "event_held", extra=about(one, outcome)
                )
        return list(outcomes)

    @property
    def text(self) -> str:
        """Return the log as text."""
        return self._log.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the JSON of each line."""
        return [json.loads(line) for line in self.text.splitlines()]

    def ends(self) -> list[dict[str, Any]]:
        """Return the lines that log the end of an event."""
        return [line for line in self.lines if line["event"] == "event_ended"]


@pytest.fixture
def logged() -> Iterator[Logged]:
    """Capture log lines in the format of production."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(production_formatter())
    # Load the app before adding the handler, because loading configures logging.
    worker = Logged(log)
    logging.getLogger().addHandler(handler)
    yield worker
    logging.getLogger().removeHandler(handler)


def received(name: str, body: str, *, group: str = GROUP) -> Delivery:
    return delivery(name, body=body, group=group, sent_at=NOON.timestamp())


def leaked(log: str, deliveries: Sequence[Delivery]) -> list[str]:
    bodies, groups = [one.body for one in deliveries], {one.group_id for one in deliveries}
    return leaks(log=log, personal=personal_data(bodies=bodies, group_ids=groups))


def test_every_sample_ends_with_one_line_without_personal_data(logged: Logged) -> None:
    deliveries, samples_sent = [], samples()
    for sample in samples_sent:
        one = delivery(
            sample.event.message_id,
            body=sample.event.body,
            group=sample.event.group_id,
            sent_at=sample.event.place.queue_time / 1000,
        )
        deliveries.append(one)
        if not sample.expect.startswith("quarantine; the task"):
            logged.run(one)
    events = [one for one in deliveries if not one.is_celery and one.labels]
    homeless = {
        sample.event.message_id
        for sample in samples_sent
        if sample.expect.startswith("an answer without a score")
    }

    ends = logged.ends()
    assert Counter(line["message_id"] for line in ends) == Counter(
        {one.message_id: 1 for one in events}
    )
    assert {line["level"] for line in ends} == {"info"}
    for line in logged.lines:
        missing = ({"group", "message_id"} | OF_A_RUN) - line.keys()
        assert not missing, line
    for line in ends:
        assert not OF_AN_END - line.keys(), line
        assert line["outcome"] in ("done", "invalid")
        # An answer of a contact who has not written yet belongs to no conversation.
        if line["outcome"] == "done" and line["message_id"] not in homeless:
            assert not (OF_AN_EVENT | {"conversation_uuid"}) - line.keys(), line
            assert UUID(line["conversation_uuid"])
    assert leaked(logged.text, deliveries) == []
    others = len(logged.lines) - len(ends)
    assert others == sum(line["outcome"] == "invalid" for line in ends)


def test_ten_events_of_one_delivery_have_a_line_each_with_their_own_ids(logged: Logged) -> None:
    batch = [
        received(
            f"m{number}",
            message_body(
                urn=f"telegram:20{number}",
                message={"id": f"m-{number}"},
                event={"correlation_id": f"c-{number}"},
            ),
            group=f"g{number}",
        )
        for number in range(10)
    ]
    assert set(logged.run(*batch)) == {DONE}

    ends = logged.ends()
    assert len(logged.lines) == 10
    assert [(one["message_id"], one["correlation_id"]) for one in ends] == [
        (f"m{number}", f"c-{number}") for number in range(10)
    ]
    uuids = {str(one.uuid) for one in Conversation.objects.all()}
    assert {one["conversation_uuid"] for one in ends} == uuids
    assert len(uuids) == len({one["group"] for one in ends}) == 10
    assert {one["step"] for one in ends} == {"tasks.pipeline.handle_csat"}
    assert len({one["task_id"] for one in ends}) == 1


def test_the_lines_of_a_bug_name_the_event_the_conversation_and_the_run_in_both_processes(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_: Any) -> None:
        raise ValueError(f"Key (contact_urn)=({URN}) {TEXT} {NAME}")

    monkeypatch.setattr(store, "put", fails)
    one = received("m1", message_body(event={"correlation_id": "c-1"}))
    one.failures = 2
    (outcome,) = logged.run(one)

    assert outcome.result is Result.BUG
    assert [line["event"] for line in logged.lines] == ["task_failed", "event_held"]
    for line in logged.lines:
        assert (line["message_id"], line["correlation_id"]) == ("m1", "c-1")
        assert line["conversation_uuid"] == str(Conversation.objects.get().uuid)
        assert (line["step"], line["attempt"]) == ("tasks.pipeline.persist_dynamo", 3)
        assert not (OF_AN_EVENT | OF_A_RUN) - line.keys()
        assert "ValueError" in line["error"]
    assert leaked(logged.text, [one]) == []


def test_only_the_event_that_fails_within_a_batch_is_named(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = store.put

    def fails_together(**_: Any) -> None:
        raise ValueError(TEXT)

    def fails_for_one(*, entry: Any, **others: Any) -> None:
        if entry.message_id == "m-2":
            raise ValueError(TEXT)
        put(entry=entry, **others)

    monkeypatch.setattr(store, "put_all", fails_together)
    monkeypatch.setattr(store, "put", fails_for_one)
    batch = [
        received(f"m{number}", message_body(message={"id": f"m-{number}"}), group=f"g{number}")
        for number in (1, 2, 3)
    ]
    outcomes = logged.run(*batch)

    assert [one.result for one in outcomes] == [Result.DONE, Result.BUG, Result.DONE]
    failed = [line for line in logged.lines if line["event"] == "task_failed"]
    assert [line["message_id"] for line in failed] == ["m2"]
    assert [line["message_id"] for line in logged.ends()] == ["m1", "m3"]
    assert leaked(logged.text, batch) == []


def test_an_event_that_waits_for_a_dependency_has_not_ended(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_down(**_: Any) -> None:
        raise Unavailable("DynamoDB", "ThrottlingException")

    with monkeypatch.context() as patch:
        patch.setattr(store, "put", is_down)
        one = received("m1", message_body())
        assert [each.result for each in logged.run(one)] == [Result.UNAVAILABLE]
    assert [line["event"] for line in logged.lines] == ["event_held"]
    assert not (OF_AN_EVENT | OF_A_RUN | {"conversation_uuid"}) - logged.lines[0].keys()

    one.failures = 1
    logged.run(one)
    assert [(line["outcome"], line["attempt"]) for line in logged.ends()] == [("done", 2)]


def test_a_close_and_an_answer_name_their_conversation(logged: Logged) -> None:
    logged.run(received("m1", message_body()))
    logged.run(received("m2", survey_body()))
    logged.run(received("m3", close_body()))

    uuid = str(Conversation.objects.get().uuid)
    assert [line["conversation_uuid"] for line in logged.ends()] == [uuid] * 3


def test_only_values_of_a_body_that_have_the_form_of_ids_are_logged(logged: Logged) -> None:
    strange = {
        "correlation_id": f"{NAME}\n{URN}",
        "event_type": TEXT,
        "data": {"project_uuid": NAME},
    }
    one = received("m1", json.dumps(strange))
    number = received("m2", message_body(event={"correlation_id": "5584996765969"}))
    logged.run(one)
    logged.run(number)

    for canary in (NAME, URN, TEXT, "5584996765969", GROUP):
        assert canary not in logged.text
    first, second = logged.ends()
    assert first["event_type"] == "unknown"
    assert "project_uuid" not in first
    assert all(line["correlation_id"].startswith("hash-") for line in (first, second))
    assert first["correlation_id"] != second["correlation_id"]


def test_the_lines_of_a_pointer_name_its_task_its_message_and_its_conversation(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_: Any) -> None:
        raise ValueError(URN)

    monkeypatch.setattr("apps.conversations.closing.close_if_due", fails)
    uuid = str(conversation().uuid)
    body = json.dumps(
        {
            "body": json.dumps([[uuid], {}, {}]),
            "headers": {"task": close_conversation.name, "id": "forged"},
        }
    )
    one = received("m1", body)
    (outcome,) = logged.run(one)

    assert outcome.result is Result.BUG
    assert [line["event"] for line in logged.lines] == ["task_failed", "event_held"]
    for line in logged.lines:
        assert (line["conversation_uuid"], line["message_id"]) == (uuid, "m1")
        assert line["step"] == close_conversation.name
        assert not ({"group"} | OF_A_RUN) - line.keys()
    assert leaked(logged.text, [one]) == []


def test_a_library_that_logs_an_exception_quotes_no_row(logged: Logged) -> None:
    try:
        Project.objects.create(name="one", uuid="00000000-0000-0000-0000-000000000001")
        windows.update_or_open(contact=None, window=None, place=None)  # type: ignore[arg-type]
    except AttributeError:
        logging.getLogger("celery.worker").exception(
            "Task handler raised error", extra={"data": {"args": TEXT}}
        )
    (line,) = logged.lines

    assert line["error"].endswith("AttributeError")
    assert "windows.py" in line["error"]
    assert "data" not in line
    assert TEXT not in logged.text
    assert "Traceback" not in logged.text


@pytest.mark.parametrize("library", ["celery.pool", "kombu", "django.db.backends", "redis"])
def test_libraries_never_log_at_debug(library: str) -> None:
    config = logging_config(level="DEBUG")

    assert config["root"]["level"] == "INFO"
    assert config["loggers"].get(library, {}).get("level") != "DEBUG"
    assert config["loggers"]["tasks"]["level"] == "DEBUG"

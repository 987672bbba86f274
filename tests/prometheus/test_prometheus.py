"""A real Prometheus accepts the alerts and answers every query of the dashboard.

make test-prometheus
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedded.network import free_port
from embedded.service import prepare, running_beat, running_module, running_worker
from embedded.stack import running_stack
from tests.prometheus.server import Prometheus, running_prometheus
from tests.support.monitoring import alerts, dashboard
from tests.support.pages import ROOT
from tests.support.system_programs import PROMTOOL

FOLDER = ROOT / "deploy" / "prometheus"
SECONDS_OF_TRAFFIC = 15.0
START_SECONDS = 120.0
TOOK_EFFECT = 'conversations_events_ended_total{outcome="done"} > 0'
QUARANTINED = "sqs_fifo_quarantined_total > 0"
COLLECTED = "conversations_dead_letters_waiting > 0"
VARIABLES = {"$job": "conversations", "$__rate_interval": "10s"}
# These series begin with the first such incident. Without one, their panels are empty.
ONLY_AFTER_INCIDENTS = {
    "sqs_fifo_ticks_dropped_total",
    "conversations_type_mismatches_total",
    'sqs_fifo_calls_total{job="conversations",result="error"}',
}


def queries() -> list[str]:
    """Return every query of the dashboard, with values for its variables."""
    found = []
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            found.append(query)
    return found


def promtool(*arguments: str | Path) -> str:
    """Run promtool in the folder of the alerts, and return its output. It must succeed."""
    ended = subprocess.run(
        [PROMTOOL.path(), *arguments],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    """A server that has scraped a worker during some seconds of traffic."""
    with running_stack() as stack:
        port = free_port()
        environment = {**stack.environment, "METRICS_PORT": str(port)}
        prepare(environment=environment, logs=stack.logs)
        traffic = ["testbed.traffic", "20"]
        with (
            running_prometheus(metrics_port=port, logs=stack.logs) as server,
            running_worker(environment=environment, logs=stack.logs),
            running_module(
                name="load", arguments=traffic, environment=environment, logs=stack.logs
            ),
        ):
            wait_until(lambda: bool(server.query(TOOK_EFFECT) and server.query(QUARANTINED)))
            # Beat collects dead letters. It saves when its schedules ran every three minutes, and
            # when it ends.
            with running_beat(environment=environment, logs=stack.logs):
                wait_until(lambda: bool(server.query(COLLECTED)))
            time.sleep(SECONDS_OF_TRAFFIC)
            yield server


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds. Fails if that takes too long."""
    give_up_at = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.2)


def test_prometheus_accepts_the_configuration_and_the_alerts() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "config", "prometheus.yml")


def test_each_alert_fires_when_it_should_and_no_other_alert_does() -> None:
    promtool("test", "rules", "alerts.test.yml")


def test_prometheus_evaluates_every_alert_without_an_error(prometheus: Prometheus) -> None:
    wait_until(lambda: all(rule["health"] != "unknown" for rule in prometheus.rules()))

    rules = {rule["name"]: rule for rule in prometheus.rules()}

    assert rules.keys() == {alert["alert"] for alert in alerts()}
    failed = {name: rule for name, rule in rules.items() if rule["health"] != "ok"}
    assert failed == {}


def test_a_working_service_fires_no_alert_but_that_of_its_faulty_events(
    prometheus: Prometheus,
) -> None:
    firing = {rule["name"] for rule in prometheus.rules() if rule["state"] == "firing"}

    assert firing <= {"ConversationDeadLettersArrive"}


@pytest.mark.parametrize("query", queries())
def test_every_query_of_the_dashboard_returns_something(query: str, prometheus: Prometheus) -> None:
    series = prometheus.query(query)

    assert series or any(name in query for name in ONLY_AFTER_INCIDENTS)

"""Rules, scraping and dashboard are those in deploy/, and KEDA asks for metrics that exist."""

import json
import re
from typing import Any

import promql_parser
import yaml

from tests.helm.rendering import merged, of_kind, pods, render, values_of
from tests.support.metrics_catalogue import catalogue
from tests.support.monitoring import names_in
from tests.support.pages import page

RUNBOOK = "https://git.example.org/conversations/blob/main/docs/runbook.md"


def test_the_rules_are_those_of_prometheus_with_links_to_the_runbook() -> None:
    linked = page("deploy/prometheus/alerts.yml").replace("docs/runbook.md#", f"{RUNBOOK}#")

    (rules,) = of_kind("PrometheusRule").values()

    assert rules["spec"] == yaml.safe_load(linked)
    links = re.findall(r'"runbook_url": "([^"#]+)', json.dumps(rules))
    assert len(links) > 20
    assert set(links) == {RUNBOOK}


def test_workers_are_scraped_as_the_example_says() -> None:
    example = yaml.safe_load(page("deploy/prometheus/prometheus.yml"))
    (job,) = example["scrape_configs"]
    service = of_kind("Service")["worker"]
    (monitor,) = of_kind("ServiceMonitor").values()
    (endpoint,) = monitor["spec"]["endpoints"]

    assert endpoint["interval"] == example["global"]["scrape_interval"]
    assert endpoint["scrapeTimeout"] == example["global"]["scrape_timeout"]
    # The alerts expect this name of the job.
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == job["job_name"]
    selector = monitor["spec"]["selector"]["matchLabels"].items()
    assert selector <= service["metadata"]["labels"].items()
    assert not selector <= of_kind("Service")["admin"]["metadata"]["labels"].items()
    assert endpoint["port"] == service["spec"]["ports"][0]["name"]
    assert service["spec"]["ports"][0]["targetPort"] == "metrics"


def test_each_worker_is_scraped_even_while_it_starts() -> None:
    service = of_kind("Service")["worker"]["spec"]

    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"] is True


def test_the_labels_that_prometheus_selects_are_added() -> None:
    for kind in ("ServiceMonitor", "PrometheusRule"):
        (one,) = of_kind(kind).values()
        assert one["metadata"]["labels"]["release"] == "kube-prometheus-stack"


def test_the_dashboard_is_the_one_for_grafana_with_links_to_the_runbook() -> None:
    config = of_kind("ConfigMap")["dashboard"]
    linked = page("deploy/grafana/conversations.json").replace("docs/runbook.md", RUNBOOK)

    assert json.loads(config["data"]["conversations.json"]) == json.loads(linked)
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"


def scaled(**changes: Any) -> dict[str, Any]:
    """Return the spec of the ScaledObject for changed values."""
    (found,) = (
        one
        for one in render(merged(values_of("everything"), changes))
        if one["kind"] == "ScaledObject"
    )
    spec: dict[str, Any] = found["spec"]
    return spec


def triggers(spec: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one for one in spec["triggers"]}


def test_the_number_of_workers_follows_the_groups_and_then_the_queue() -> None:
    spec = scaled()

    assert spec["advanced"]["scalingModifiers"]["formula"] == "groups ?? messages"
    assert spec["fallback"]["behavior"] == "scalingModifiers"
    assert triggers(spec).keys() == {"groups", "messages"}
    # An empty answer counts as a failure, too: nobody scrapes the workers.
    assert triggers(spec)["groups"]["metadata"]["ignoreNullValues"] == "false"
    assert triggers(spec)["messages"]["metadata"]["queueURL"].endswith("/conversations.fifo")


def test_a_worker_is_added_when_there_are_more_groups_than_processes() -> None:
    spec = scaled(worker={"processes": 8}, autoscaling={"messagesPerGroup": 5})
    query = triggers(spec)["groups"]["metadata"]["query"]
    factor, _, groups = query.partition(" * ")

    assert promql_parser.parse(query)
    assert names_in(groups) == {"sqs_fifo_ready_groups", "sqs_fifo_running_tasks"}
    assert int(factor) == 5
    assert spec["advanced"]["scalingModifiers"]["target"] == str(8 * 5)
    assert triggers(spec)["messages"]["metadata"]["queueLength"] == str(8 * 5)


def test_the_query_reads_metrics_of_this_release_that_exist() -> None:
    query = triggers(scaled())["groups"]["metadata"]["query"]

    assert names_in(query) <= {metric.name for metric in catalogue()}
    assert query.count('{job="conversations",namespace="chat"}') == 2


def test_the_autoscaler_alone_decides_how_many_workers_run() -> None:
    (trigger,) = of_kind("TriggerAuthentication").values()
    spec = scaled()

    assert "replicas" not in of_kind("Deployment")["worker"]["spec"]
    assert of_kind("Deployment", name="minimal")["worker"]["spec"]["replicas"] == 2
    assert spec["minReplicaCount"] == 1
    assert spec["scaleTargetRef"]["name"] == of_kind("Deployment")["worker"]["metadata"]["name"]
    reference = triggers(spec)["messages"]["authenticationRef"]["name"]
    assert reference == trigger["metadata"]["name"]


def test_the_port_of_the_metrics_is_that_of_the_service() -> None:
    (container,) = pods()["worker"]["spec"]["containers"]
    port = {one["name"]: one["containerPort"] for one in container["ports"]}["metrics"]

    assert of_kind("Service")["worker"]["spec"]["ports"][0]["port"] == port
    assert {one["name"]: one.get("value") for one in container["env"]}["METRICS_PORT"] == str(port)

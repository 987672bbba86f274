"""Alerts and dashboard use existing metrics, and the runbook describes every alert."""

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import promql_parser
import pytest
import yaml

from tests.support.metrics_catalogue import catalogue, series
from tests.support.monitoring import alerts, dashboard, names_in, panels
from tests.support.pages import ROOT, page
from tests.unit.docs.test_docs import headings

# Metrics that Prometheus itself adds for each target.
PROMETHEUS_OWN = {"up"}
# Prometheus adds the labels `job` and `instance`, and `le` to the buckets of histograms.
LABELS_OF_ALL = {"job", "instance", "le"}
NEEDED_ANNOTATIONS = {"summary", "description", "runbook_url"}
SEVERITIES = {"critical", "warning", "info"}
GRAFANA_COLUMNS = 24


def dashboard_queries() -> list[str]:
    """Return the queries as Prometheus receives them, with the values of Grafana's variables."""
    return [
        target["expr"].replace("$__rate_interval", "5m").replace("$job", "conversations")
        for panel in dashboard()["panels"]
        for target in panel.get("targets", ())
    ]


QUERIES = [*(alert["expr"] for alert in alerts()), *dashboard_queries()]


def selectors(node: Any) -> Iterator[Any]:
    """Return every selector of time series in a query."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "vs", "param"):
        child = getattr(node, name, None)
        if child is not None and not isinstance(child, str | float | int):
            yield from selectors(child)
    for child in getattr(node, "args", None) or ():
        yield from selectors(child)


def groupings(query: str) -> set[str]:
    """Return the labels by which a query groups."""
    found = re.findall(r"\bby \(([^)]*)\)", query)
    return {label.strip() for labels in found for label in labels.split(",")}


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_is_valid_promql_with_existing_metrics_and_labels(query: str) -> None:
    found = list(selectors(promql_parser.parse(query)))
    labels = {
        name: {*described.labels, *LABELS_OF_ALL}
        for described in catalogue()
        for name in described.series
    }

    assert {one.name for one in found} == names_in(query) | ({"up"} if "up{" in query else set())
    asked_for = set()
    for selector in found:
        if selector.name not in PROMETHEUS_OWN:
            used = {matcher.name for matcher in selector.matchers.matchers}
            assert used <= labels[selector.name], selector.name
            asked_for |= labels[selector.name]
    assert groupings(query) <= asked_for


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    used = {name for query in QUERIES for name in names_in(query)}

    assert {one.name for one in catalogue() if not one.series & used} == set()


def test_alerts_have_different_names() -> None:
    names = [alert["alert"] for alert in alerts()]

    assert len(names) == len(set(names)) >= 14


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_has_a_severity_and_a_section_in_the_runbook(
    alert: dict[str, Any],
) -> None:
    assert set(alert["annotations"]) == NEEDED_ANNOTATIONS
    assert alert["labels"]["severity"] in SEVERITIES
    path, _, heading = alert["annotations"]["runbook_url"].partition("#")
    assert path == "docs/runbook.md"
    assert heading == alert["alert"].lower()
    assert heading in headings(ROOT / path)


def test_the_runbook_describes_only_existing_alerts() -> None:
    section = page("docs/runbook.md").partition("\n## Alerts\n")[2].partition("\n## ")[0]

    explained = re.findall(r"^### (\w+)$", section, flags=re.MULTILINE)
    assert explained == [alert["alert"] for alert in alerts()]


@pytest.mark.parametrize("name", ["docs/runbook.md", "docs/metrics.md"])
def test_the_pages_name_only_metrics_that_exist(name: str) -> None:
    prefixes = {"sqs_fifo_", "conversations_"}
    whole = {described.name for described in catalogue()}

    assert names_in(page(name)) - prefixes <= series() | whole


def test_the_example_scrapes_the_job_that_the_alerts_use() -> None:
    content = yaml.safe_load(page("deploy/prometheus/prometheus.yml"))

    (job,) = content["scrape_configs"]
    assert job["job_name"] == "conversations"
    assert content["rule_files"] == ["alerts.yml"]
    assert (ROOT / "deploy" / "prometheus" / "alerts.yml").exists()


def test_the_dashboard_uses_the_data_source_that_its_user_chooses() -> None:
    variables = {one["name"]: one for one in dashboard()["templating"]["list"]}

    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    for panel in panels(kinds={"timeseries", "stat"}):
        for asked in [panel, *panel["targets"]]:
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_the_dashboard_has_the_fields_that_grafana_requires() -> None:
    content = dashboard()
    ids = [panel["id"] for panel in content["panels"]]

    assert content["title"]
    assert content["uid"]
    assert content["schemaVersion"] >= 39
    assert len(ids) == len(set(ids))
    assert {panel["type"] for panel in content["panels"]} == {
        *("row", "timeseries", "stat", "alertlist")
    }
    for panel in panels(kinds={"timeseries", "stat"}):
        references = [target["refId"] for target in panel["targets"]]
        assert panel["title"]
        assert len(references) == len(set(references)) >= 1
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_no_two_panels_overlap_and_none_is_wider_than_the_page() -> None:
    places = [panel["gridPos"] for panel in dashboard()["panels"]]

    assert all(place["x"] + place["w"] <= GRAFANA_COLUMNS for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above


def test_the_dashboard_has_all_its_rows() -> None:
    assert [row["title"] for row in panels(kinds={"row"})] == [
        *("Does it work?", "Traffic", "Latency", "Failures", "Queue and dead letters"),
        *("Closing and archiving", "Data lake", "Dependencies", "Workers"),
    ]

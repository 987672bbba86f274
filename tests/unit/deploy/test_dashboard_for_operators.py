"""The dashboard's first row has the thresholds of the alerts, and its links lead to the runbook."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.support.monitoring import alerts, dashboard, names_in, panels
from tests.support.pages import ROOT, fenced, page
from tests.unit.docs.test_docs import headings

COLOURS = {"critical": "red", "warning": "orange"}
ALERTS = {alert["alert"]: alert for alert in alerts()}
# The alert for each value in the first row. The other values there are neutral.
ALERT_OF_VALUE = {
    ("Longest time since a receive", "A"): "ConversationsNothingReceived",
    ("Age of the oldest event", "A"): "ConversationEventsLate",
    ("Age of the oldest event", "B"): "ConversationEventHeld",
    ("Beat's last tick", "A"): "ConversationBeatSilent",
    ("Circuit", "A"): "ConversationsCircuitOpen",
    ("Parked events (15 min)", "A"): "ConversationEventsParked",
    ("Dead letters", "B"): "ConversationDeadLettersArrive",
}
NEUTRAL = {("Dead letters", "A")}
RUNBOOK = "https://git.example.org/conversations/blob/main/docs/runbook.md"


def first_row() -> list[dict[str, Any]]:
    """Return the panels between the first and the second row's title."""
    first, second, *_ = panels(kinds={"row"})
    top, bottom = first["gridPos"]["y"], second["gridPos"]["y"]
    return [panel for panel in dashboard()["panels"] if top < panel["gridPos"]["y"] < bottom]


STATS = {panel["title"]: panel for panel in first_row() if panel["type"] == "stat"}


def steps_of(panel: dict[str, Any], ref: str) -> list[tuple[float | None, str]]:
    """Return the lower bound and the colour of each range of a value."""
    thresholds = panel["fieldConfig"]["defaults"]["thresholds"]
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"] == {"id": "byFrameRefID", "options": ref}:
            (thresholds,) = (one["value"] for one in override["properties"])
    return [(step["value"], step["color"]) for step in thresholds["steps"]]


def comparisons(node: Any) -> Iterator[Any]:
    """Return the comparisons with numbers in a query."""
    rhs = getattr(node, "rhs", None)
    if isinstance(rhs, promql_parser.NumberLiteral) and str(node.op) in {"==", "<", ">"}:
        yield node
    for name in ("expr", "lhs", "rhs"):
        child = getattr(node, name, None)
        if child is not None and not isinstance(child, str | float):
            yield from comparisons(child)


def alerting_ranges(alert: dict[str, Any], *, metrics: set[str]) -> dict[str, float]:
    """Return the numbers with which an alert compares these metrics, by operator."""
    found = comparisons(promql_parser.parse(alert["expr"]))
    return {str(one.op): one.rhs.val for one in found if names_in(one.lhs.prettify()) <= metrics}


def expected_steps(
    ranges: dict[str, float], *, colour: str, unit: str
) -> list[tuple[float | None, str]]:
    """Return the steps for an alert. A step of Grafana begins at its value.

    So a count above 0 begins at 1. Seconds are continuous.
    """
    above = ranges[">"] + (0 if unit == "s" else 1) if ">" in ranges else ranges["=="]
    below: list[tuple[float | None, str]] = [(None, "green")]
    if "<" in ranges:
        below = [(None, colour), (ranges["<"], "green")]
    return [*below, (above, colour)]


def metrics_in(query: str) -> set[str]:
    return names_in(query) | ({"up"} if "up{" in query else set())


def target_of(panel: dict[str, Any], ref: str) -> dict[str, Any]:
    (target,) = (one for one in panel["targets"] if one["refId"] == ref)
    return dict(target)


def test_the_first_row_says_whether_the_service_works() -> None:
    assert list(STATS) == ["Workers", *dict.fromkeys(title for title, _ref in ALERT_OF_VALUE)]
    values = {
        (title, target["refId"]) for title, panel in STATS.items() for target in panel["targets"]
    }
    assert values == {*ALERT_OF_VALUE, *NEUTRAL, ("Workers", "A"), ("Workers", "B")}
    for panel in STATS.values():
        assert panel["description"]
        assert panel["options"]["colorMode"] == "background"


@pytest.mark.parametrize(("value", "name"), ALERT_OF_VALUE.items(), ids=ALERT_OF_VALUE.values())
def test_a_value_has_the_colour_of_its_alert_where_the_alert_fires(
    value: tuple[str, str], name: str
) -> None:
    panel, alert = STATS[value[0]], ALERTS[name]
    metrics = names_in(target_of(panel, value[1])["expr"])

    ranges = alerting_ranges(alert, metrics=metrics)

    assert ranges
    assert steps_of(panel, value[1]) == expected_steps(
        ranges,
        colour=COLOURS[alert["labels"]["severity"]],
        unit=panel["fieldConfig"]["defaults"]["unit"],
    )


def test_no_worker_and_a_worker_that_is_down_are_red_as_in_the_alert() -> None:
    alert, panel = ALERTS["ConversationWorkerDown"], STATS["Workers"]
    down = 'up{job="conversations"} == 0'

    assert alert["expr"] == f'{down} or absent(up{{job="conversations"}})'
    assert target_of(panel, "B")["expr"].replace("$job", "conversations") == (
        f"count({down}) or vector(0)"
    )
    assert alert["labels"]["severity"] == "critical"
    assert steps_of(panel, "A") == [(None, "red"), (1, "green")]
    assert steps_of(panel, "B") == [(None, "green"), (1, "red")]


def test_neutral_values_have_no_threshold() -> None:
    for title, ref in NEUTRAL:
        assert steps_of(STATS[title], ref) == [(None, "blue")]


def test_a_value_of_the_first_row_is_never_an_old_one() -> None:
    """A query over a range would show the last value of a series that has ended, in green."""
    for panel in STATS.values():
        for target in panel["targets"]:
            assert (target["instant"], target["range"]) == (True, False)


def test_the_list_of_alerts_shows_every_alert_that_fires() -> None:
    (panel,) = (panel for panel in first_row() if panel["type"] == "alertlist")
    options = panel["options"]

    # Grafana looks for this text in the names of alerts, and ignores case.
    assert all(options["alertName"].lower() in name.lower() for name in ALERTS)
    assert options["stateFilter"]["firing"]
    assert options["maxItems"] >= 20
    assert "datasource" not in options


def test_every_alert_is_linked_from_a_panel_that_shows_its_metrics() -> None:
    linking: dict[str, set[str]] = {name: set() for name in ALERTS}
    for panel in panels(kinds={"stat", "timeseries"}):
        queries = " ".join(target["expr"] for target in panel["targets"])
        for link in panel.get("links", ()):
            name = link["title"].removeprefix("Runbook: ")
            assert link["url"] == f"${{runbook:raw}}#{name.lower()}"
            linking[name] |= metrics_in(queries)

    for name, alert in ALERTS.items():
        assert linking[name] & metrics_in(alert["expr"]), name


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Run the documented commands that put the runbook's address into the links."""
    (block,) = (
        block for block in fenced(page("docs/deployment.md"), language="sh") if "RUNBOOK=" in block
    )
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    subprocess.run(["sh", "-eu", "-c", block], cwd=tmp_path, check=True)
    assert f"RUNBOOK={RUNBOOK}\n" in block
    return tmp_path / "monitoring"


def test_after_the_documented_commands_every_link_leads_to_a_section_of_the_runbook(
    installed: Path,
) -> None:
    groups = yaml.safe_load((installed / "alerts.yml").read_text())["groups"]
    board = json.loads((installed / "conversations.json").read_text())
    variables = {one["name"]: one["query"] for one in board["templating"]["list"]}
    urls = [rule["annotations"]["runbook_url"] for group in groups for rule in group["rules"]]
    for panel in [board, *board["panels"]]:
        for link in panel.get("links", ()):
            urls.append(link["url"].replace("${runbook:raw}", variables["runbook"]))

    assert len(urls) > 2 * len(ALERTS)
    anchors = headings(ROOT / "docs" / "runbook.md")
    for url in urls:
        address, _, anchor = url.partition("#")
        assert address == RUNBOOK
        assert anchor == "" or anchor in anchors, url


def test_a_link_cannot_be_changed_by_the_address_of_the_dashboard() -> None:
    (variable,) = (one for one in dashboard()["templating"]["list"] if one["name"] == "runbook")

    assert variable["type"] == "constant"
    assert variable["skipUrlSync"]
    assert re.fullmatch(r"docs/runbook\.md", variable["current"]["value"])

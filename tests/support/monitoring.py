"""Reads the alerts for Prometheus and the dashboard for Grafana."""

import json
import re
from typing import Any

import yaml

from tests.support.pages import page


def alerts() -> list[dict[str, Any]]:
    """Return all alerting rules."""
    groups = yaml.safe_load(page("deploy/prometheus/alerts.yml"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    content: dict[str, Any] = json.loads(page("deploy/grafana/conversations.json"))
    return content


def panels(*, kinds: set[str]) -> list[dict[str, Any]]:
    """Return the dashboard's panels of these kinds."""
    return [panel for panel in dashboard()["panels"] if panel["type"] in kinds]


def names_in(text: str) -> set[str]:
    """Return the names of this service's metrics in a text."""
    return set(re.findall(r"\b(?:sqs_fifo|conversations)_[a-z_]+", text))

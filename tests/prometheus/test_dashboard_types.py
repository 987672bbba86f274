"""Grafana's own types have a place for everything in the dashboard.

Grafana ignores what it does not know. A setting with a wrong name would have no effect.
"""

import json
from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.support.monitoring import dashboard


def unknown_to_grafana(board: dict[str, Any]) -> list[str]:
    """Return the paths of what is lost when Grafana's types read the dashboard and write it."""
    register_default_plugins()
    written = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    return list(lost(board, written, at="dashboard"))


def lost(value: Any, written: Any, *, at: str) -> Iterator[str]:
    """Yield the paths of the parts of `value` that are not in `written`."""
    if isinstance(value, dict) and isinstance(written, dict):
        for name, part in value.items():
            yield from lost(part, written.get(name), at=f"{at}.{name}")
    elif isinstance(value, list) and isinstance(written, list) and len(value) == len(written):
        for number, part in enumerate(value):
            yield from lost(part, written[number], at=f"{at}[{number}]")
    elif value != written:
        yield at


def test_grafana_knows_every_field_of_the_dashboard() -> None:
    assert unknown_to_grafana(dashboard()) == []


def test_an_unknown_field_is_found() -> None:
    board = dashboard()
    board["panels"][1]["options"]["colourMode"] = "background"
    board["panels"][1]["targets"][0]["instand"] = True

    assert unknown_to_grafana(board) == [
        "dashboard.panels[1].targets[0].instand",
        "dashboard.panels[1].options.colourMode",
    ]

"""Renders the chart as `helm template` does, without a cluster."""

from functools import cache
from typing import Any

import yaml
from helm_python.chart import Chart

from tests.support.pages import ROOT

CHART = ROOT / "deploy" / "helm"
VALUES = ROOT / "tests" / "helm" / "values"
RELEASE: dict[str, Any] = {"name": "prod", "namespace": "chat"}
# Sets of values, each on top of those that are required.
VALUE_SETS = ("minimal", "everything", "workers-only")

Manifest = dict[str, Any]


def values_of(name: str) -> dict[str, Any]:
    """Return a set of values, with those that are required."""
    sets = [yaml.safe_load((VALUES / f"{one}.yaml").read_text()) for one in ("minimal", name)]
    return merged(*sets)


def merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return values with changes, as Helm merges two files. None removes a value."""
    result = values | {
        name: merged(values.get(name) or {}, change) if isinstance(change, dict) else change
        for name, change in changes.items()
    }
    return {name: value for name, value in result.items() if value is not None}


def render(values: dict[str, Any]) -> list[Manifest]:
    """Return the manifests. Raise HelmValuesError if the values do not fit the schema."""
    with Chart.load(CHART) as chart:
        files = chart.render(values, **RELEASE)
    texts = [text for name, text in files.items() if not name.endswith("NOTES.txt")]
    return [one for text in texts for one in yaml.safe_load_all(text) if one]


@cache
def manifests(name: str) -> list[Manifest]:
    """Return the manifests for a set of values."""
    return render(values_of(name))


def of_kind(kind: str, *, name: str = "everything") -> dict[str, Manifest]:
    """Return the manifests of a kind for a set of values, by what follows the release's name."""
    return {
        one["metadata"]["name"].removeprefix("prod-conversations").lstrip("-"): one
        for one in manifests(name)
        if one["kind"] == kind
    }


def pods(name: str = "everything") -> dict[str, Manifest]:
    """Return the template of each program's pods for a set of values, the job's included."""
    owners = of_kind("Deployment", name=name) | of_kind("Job", name=name)
    return {program: owner["spec"]["template"] for program, owner in owners.items()}


def containers(pod: Manifest) -> list[Manifest]:
    """Return all containers of a pod's template, in the order in which they start."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]

"""What docs/kubernetes.md says can be installed, from the folder and from a package."""

import re
from functools import reduce
from pathlib import Path

import yaml
from helm_python.chart import Chart

from tests.helm.rendering import CHART, RELEASE, merged, of_kind, render, values_of
from tests.support.pages import fenced, page

GUIDE = page("docs/kubernetes.md")


def test_the_values_in_the_guide_can_be_installed() -> None:
    blocks = [yaml.safe_load(block) for block in fenced(GUIDE, language="yaml")]
    assert len(blocks) == 2

    kinds = {one["kind"] for one in render(reduce(merged, blocks))}

    assert kinds >= {"Deployment", "Job", "ServiceMonitor", "PrometheusRule"}


def test_the_guide_names_resources_that_exist() -> None:
    named = re.findall(r"\b(deploy|job|service)/(prod-[a-z-]+)", GUIDE)
    kinds = {"deploy": "Deployment", "job": "Job", "service": "Service"}

    assert {kind for kind, _name in named} == kinds.keys()
    for kind, name in named:
        assert name in {one["metadata"]["name"] for one in of_kind(kinds[kind]).values()}
    accounts = of_kind("ServiceAccount", name="minimal").values()
    assert "`prod-conversations-worker`" in GUIDE
    assert "prod-conversations-worker" in {one["metadata"]["name"] for one in accounts}


def test_the_first_step_of_an_upgrade_in_two_steps_replaces_only_workers() -> None:
    off = re.findall(r"--set (\w+)\.enabled=false", GUIDE)
    assert off == ["beat", "admin"]

    rendered = render(merged(values_of("minimal"), {name: {"enabled": False} for name in off}))

    names = {one["metadata"]["name"] for one in rendered if one["kind"] == "Deployment"}
    assert names == {"prod-conversations-worker"}


def test_a_package_of_the_chart_contains_what_the_links_lead_to(tmp_path: Path) -> None:
    values = values_of("everything")
    with Chart.load(CHART) as chart:
        package = chart.save(tmp_path)
        from_folder = chart.render(values, **RELEASE)

    with Chart.load(package) as packaged:
        from_package = packaged.render(values, **RELEASE)

    assert from_package == from_folder
    assert "ConversationWorkerDown" in str(from_package)

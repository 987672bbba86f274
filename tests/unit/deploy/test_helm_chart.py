"""The Helm chart knows all settings of the service. `make deploy-check` renders it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.common.version import VERSION
from config.environment import Environment
from tests.support.pages import ROOT, page

CHART = ROOT / "deploy" / "helm"
SETTINGS = Environment.model_fields
SCHEMA: dict[str, Any] = json.loads(page("deploy/helm/values.schema.json"))["properties"]
PLAIN, SECRET = (SCHEMA[name]["properties"].keys() for name in ("settings", "secrets"))
# What the templates set themselves.
BY_THE_CHART = {"METRICS_PORT", "METRICS_ADDRESS", "DJANGO_ALLOWED_HOSTS"}
# What would be wrong in a container: the image has its own, others could reach the site, or
# DATABASE_URL with its password is in a file already.
BY_NOBODY = {
    *("WORKER_LIVENESS_FILE", "DJANGO_STATIC_ROOT", "DJANGO_DEBUG", "DJANGO_PLAIN_HTTP"),
    "DATABASE_PASSWORD_FILE",
}
# Settings that log lines never show are secret.
SECRET_SETTINGS = {name for name, setting in SETTINGS.items() if setting.repr is False}


def test_every_setting_has_one_place_in_the_chart() -> None:
    without_a_place = SETTINGS.keys() - PLAIN - SECRET - BY_THE_CHART - BY_NOBODY
    assert without_a_place == set(), "add it to values.schema.json, or to a list above"
    assert SETTINGS.keys() - SECRET_SETTINGS - BY_THE_CHART - BY_NOBODY >= PLAIN
    assert SETTINGS.keys() & SECRET == SECRET_SETTINGS


def test_every_required_setting_is_required_in_the_values() -> None:
    required = {*SCHEMA["settings"]["required"], *SCHEMA["secrets"]["required"]}
    assert required == {name for name, setting in SETTINGS.items() if setting.is_required()}


def test_the_templates_set_only_variables_that_exist() -> None:
    templates = "".join(path.read_text() for path in (CHART / "templates").iterdir())
    named = set(
        re.findall(r"^\s*(?:- \{?name: |)([A-Z][A-Z_]{5,})\b", templates, flags=re.MULTILINE)
    )
    assert named == {*BY_THE_CHART, "FORWARDED_ALLOW_IPS"}


def test_the_version_of_the_service_is_the_default_tag() -> None:
    assert yaml.safe_load(page("deploy/helm/Chart.yaml"))["appVersion"] == VERSION


@pytest.mark.parametrize(
    "original",
    ["prometheus/alerts.yml", "prometheus/prometheus.yml", "grafana/conversations.json"],
)
def test_the_chart_has_no_copy_of_alerts_and_dashboard(original: str) -> None:
    """Helm follows the links, and a package of the chart contains the files."""
    link = CHART / "files" / Path(original).name
    assert link.is_symlink()
    assert link.resolve() == ROOT / "deploy" / original


def test_every_value_of_the_schema_has_a_default_or_is_optional() -> None:
    values = yaml.safe_load(page("deploy/helm/values.yaml"))
    assert values.keys() == SCHEMA.keys() - {"global"}

"""Values that cannot work are refused with a sentence that names them."""

import re
from typing import Any

import pytest
from helm_python.errors import HelmValuesError

from config.environment import Environment
from tests.helm.rendering import merged, render, values_of

LAKE = "file:///var/lib/conversations/lake"


def refusal(values: dict[str, Any]) -> str:
    """Render with these values, which must fail, and return what Helm prints."""
    with pytest.raises(HelmValuesError) as caught:
        render(values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ({"settings": {"LOG_LEVLE": "INFO"}}, "/settings", "LOG_LEVLE"),
        ({"settings": {"DATABASE_URL": "postgres://h/d"}}, "/settings", "DATABASE_URL"),
        ({"settings": {"METRICS_PORT": 9000}}, "/settings", "METRICS_PORT"),
        ({"settings": {"AGENT_UUID_CSAT": "csat"}}, "/settings/AGENT_UUID_CSAT", "pattern"),
        ({"settings": {"DATALAKE_URL": "s3://lake"}}, "/settings/DATALAKE_URL", "pattern"),
        ({"settings": {"DATALAKE_URL": LAKE}}, "/lake/existingClaim", "minLength"),
        ({"secrets": {"SECRET_KEY": "the key"}}, "/secrets/SECRET_KEY", "want object"),
        ({"secrets": {"SECRET_KEY": {"key": None}}}, "/secrets/SECRET_KEY", "'key'"),
        ({"secrets": {"FLOWER_BASIC_AUTH": None}}, "/secrets", "FLOWER_BASIC_AUTH"),
        ({"secrets": {"CELERY_CONTROL_URL": None}}, "/secrets", "CELERY_CONTROL_URL"),
        ({"variables": {"LOG_LEVEL": "INFO"}}, "/variables", "LOG_LEVEL"),
        ({"variables": {"AWS_SECRET_ACCESS_KEY": "a"}}, "/variables", "AWS_SECRET_ACCESS_KEY"),
        ({"image": {"repository": ""}}, "/image/repository", "minLength"),
        ({"image": {"digest": "latest"}}, "/image/digest", "pattern"),
        ({"admin": {"hosts": []}}, "/admin/hosts", "minItems"),
        ({"admin": {"trustedProxies": []}}, "/admin/trustedProxies", "minItems"),
        ({"worker": {"processes": 0}}, "/worker/processes", "minimum"),
        ({"worker": {"terminationGracePeriodSeconds": 30}}, "/terminationGracePeriod", "want 50"),
        ({"worker": {"replica": 3}}, "/worker", "replica"),
        ({"autoscaling": {"minReplicas": 0}}, "/autoscaling/minReplicas", "want 1"),
        ({"autoscaling": {"prometheus": ""}}, "/autoscaling/prometheus", "minLength"),
        ({"monitoring": {"runbookUrl": ""}}, "/monitoring/runbookUrl", "minLength"),
        ({"monitoring": {"runbookUrl": "docs/runbook.md"}}, "/monitoring/runbookUrl", "pattern"),
        ({"beat": {"replicas": 2}}, "/beat", "replicas"),
        ({"netwrokPolicy": {}}, "''", "netwrokPolicy"),
    ],
    ids=lambda value: re.sub(r"\W+", " ", str(value)).strip(),
)
def test_a_wrong_value_is_refused(change: dict[str, Any], where: str, what: str) -> None:
    lines = refusal(merged(values_of("everything"), change)).splitlines()

    assert [line for line in lines if where in line and what in line], lines


def test_without_values_everything_that_is_required_is_named() -> None:
    printed = refusal({})

    for name, setting in Environment.model_fields.items():
        assert (f"'{name}'" in printed) == setting.is_required(), name
    for path in ("/image/repository", "/admin/hosts", "/admin/trustedProxies"):
        assert path in printed

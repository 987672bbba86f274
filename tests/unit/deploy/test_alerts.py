"""`make test-prometheus` tries each alert: promtool runs what `alerts.test.yml` says."""

import re

import yaml

from tests.support.monitoring import alerts
from tests.support.pages import page


def test_each_alert_has_a_test_in_which_it_fires() -> None:
    tests = yaml.safe_load(page("deploy/prometheus/alerts.test.yml"))["tests"]
    expected = [
        sample["labels"]
        for test in tests
        for query in test["promql_expr_test"]
        for sample in query["exp_samples"]
    ]

    tried = set(re.findall(r'alertname="(\w+)"', " ".join(expected)))

    assert tried == {alert["alert"] for alert in alerts()}

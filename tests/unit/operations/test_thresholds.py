"""The doctor and the status report a problem at the same limits as the alerts."""

import re
from typing import Any

import pytest
import yaml

from apps.conversations.closing_times import OVERDUE
from observability.metrics.postgresql import LATE
from operations import thresholds
from tests.support.pages import page


def alert(name: str) -> dict[str, Any]:
    groups = yaml.safe_load(page("deploy/prometheus/alerts.yml"))["groups"]
    (found,) = [rule for group in groups for rule in group["rules"] if rule["alert"] == name]
    return dict(found)


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("ConversationsNothingReceived", thresholds.MAX_RECEIVE_PAUSE),
        ("ConversationEventHeld", thresholds.MAX_HELD_AGE),
        ("ConversationEventsLate", thresholds.MAX_LAG),
        ("ConversationLakeBehind", thresholds.MAX_LAKE_AGE),
    ],
)
def test_the_limit_of_an_alert_is_that_of_the_doctor(name: str, limit: float) -> None:
    first, *_ = re.findall(r"> (\d+)", alert(name)["expr"])

    assert float(first) == limit


def test_the_limits_of_closings_are_those_that_the_alerts_describe() -> None:
    overdue = alert("ConversationClosingsOverdue")["annotations"]["description"]
    late = alert("ConversationClosingsLate")["annotations"]["description"]

    assert OVERDUE.total_seconds() == 5 * 60
    assert "more than five minutes" in overdue
    assert LATE.total_seconds() == 30 * 60
    assert "over 30 minutes ago" in late

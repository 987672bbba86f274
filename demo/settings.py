"""The settings with which the service runs in the demo."""

import os
from collections.abc import Mapping
from datetime import datetime

import django

from embedded.environment import with_settings


def demo_environment(environment: Mapping[str, str], *, now: datetime) -> dict[str, str]:
    """The stack's settings, and those that the demo needs whatever the developer has set.

    Projects that are made on first sight, those of the samples, get a zone in which it is noon, so
    that none of their conversations closes by the clock while the demo runs.
    """
    return {
        **environment,
        "DEFAULT_TIMEZONE": f"Etc/GMT{now.hour - 12:+d}",
        # The day's longest chats are of a moment ago, or yet to come: none may put its closing off.
        "CLOSING_QUIET_PERIOD": "0",
        "LOG_LEVEL": "INFO",
    }


def use_settings(environment: Mapping[str, str]) -> None:
    """Let this process use the service's models, and boto3 the embedded servers."""
    settings = with_settings({**environment, "DJANGO_SETTINGS_MODULE": "config.settings"})
    settings["LOG_LEVEL"] = "WARNING"
    os.environ.clear()
    os.environ.update(settings)
    django.setup()

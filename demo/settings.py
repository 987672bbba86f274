"""The settings with which the service runs in the demo."""

import os
from collections.abc import Mapping
from datetime import datetime

import django

from embedded.environment import with_settings


def demo_environment(environment: Mapping[str, str], *, now: datetime) -> dict[str, str]:
    """Return the stack's settings, and those that the demo needs.

    The projects of the samples, which the service creates itself, get a time zone in which it is
    noon. So none of their conversations closes by time while the demo runs.
    """
    return {
        **environment,
        "DEFAULT_TIMEZONE": f"Etc/GMT{now.hour - 12:+d}",
        # The last messages may be from this minute. They must not postpone closings.
        "CLOSING_QUIET_PERIOD": "0",
        "LOG_LEVEL": "INFO",
    }


def use_settings(environment: Mapping[str, str]) -> None:
    """Set this process up for the service's models and for the embedded servers."""
    settings = with_settings({**environment, "DJANGO_SETTINGS_MODULE": "config.settings"})
    settings["LOG_LEVEL"] = "WARNING"
    os.environ.clear()
    os.environ.update(settings)
    django.setup()

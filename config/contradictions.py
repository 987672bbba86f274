"""Sentences about settings that are valid one by one but contradict each other."""

import ipaddress
from urllib.parse import urlsplit


def control_broker_problems(url: str, *, may_be_plain: bool) -> list[str]:
    """Return a sentence for each way in which the settings expose the control broker."""
    control = urlsplit(url)
    if not control.hostname or _is_loopback(control.hostname):
        return []
    problems = []
    if not control.password:
        problems.append(
            "CELERY_CONTROL_URL: needs a password, as in rediss://:password@host:6379/0, because "
            "every client of this broker can stop the workers."
        )
    if control.scheme != "rediss" and not may_be_plain:
        problems.append(
            "CELERY_CONTROL_URL: must begin with rediss:// (TLS), because the broker is on another "
            "host. Inside a private network set CELERY_CONTROL_INSECURE=true instead."
        )
    return problems


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

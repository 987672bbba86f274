"""Checks the broker for worker events and remote control."""

from collections.abc import Iterator

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from celery_sqs_fifo import address_of
from operations.doctor.findings import Finding, error, ok, skipped

CONTROL = "control.broker"
TIMEOUT_SECONDS = 3.0


def check() -> Iterator[Finding]:
    """Yield a finding about whether the broker responds to PING. Nothing is published."""
    if not settings.CELERY_CONTROL_URL:
        yield skipped(
            CONTROL,
            "CELERY_CONTROL_URL is not set, so there are no worker events and no remote control.",
        )
        return
    where = address_of(settings.CELERY_CONTROL_URL)
    try:
        with redis.Redis.from_url(
            settings.CELERY_CONTROL_URL,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as failure:
        yield error(
            CONTROL,
            f"{where} does not respond ({type(failure).__name__}). Events are handled without it.",
            "Start the broker, check CELERY_CONTROL_URL (host, port, password), or unset it to run "
            "without remote control.",
        )
    else:
        yield ok(CONTROL, f"{where} responds.")

"""Checks the broker for worker events and remote control, and asks workers for their reports."""

from collections.abc import Iterator, Mapping
from typing import Any

import redis
from celery.exceptions import CeleryError
from django.conf import settings
from kombu.exceptions import KombuError
from redis.backoff import NoBackoff
from redis.retry import Retry

from celery_sqs_fifo import address_of
from config.celery import app
from operations.doctor.findings import Finding, ok, skipped, warning

CONTROL = "control.broker"
TIMEOUT_SECONDS = 3.0
# A worker answers within milliseconds, unless its event loop or its machine is busy. The whole time
# passes only if a worker does not answer, or if no heartbeat is fresh.
MAX_WAIT_FOR_WORKERS = 5.0
CONTROL_ERRORS = (CeleryError, KombuError, redis.RedisError, OSError)


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
        yield warning(
            CONTROL,
            f"{where} {_failing(failure)} ({type(failure).__name__}). Events are handled without "
            "it.",
            "Start the broker, check CELERY_CONTROL_URL (host, port, password), or unset it to run "
            "without remote control.",
        )
    else:
        yield ok(CONTROL, f"{where} responds.")


def _failing(failure: Exception) -> str:
    is_refusal = isinstance(failure, redis.AuthenticationError | redis.ResponseError)
    return "refuses the login" if is_refusal else "does not respond"


def ask_workers(*, limit: int | None) -> Mapping[str, Mapping[str, Any]] | None:
    """Return the reports of the workers that answer within five seconds, by worker and queue.

    Return after `limit` answers. Return None without a control broker, or if it does not respond.
    """
    if not app.control_broker_url:
        return None
    try:
        answers = ask("stats", timeout=MAX_WAIT_FOR_WORKERS, limit=limit)
    except CONTROL_ERRORS:
        return None
    return consumers_of(answers)


def ask(command: str, *, timeout: float, limit: int | None = None) -> Mapping[str, Any]:
    """Send a remote command to all workers, and return their answers by worker.

    Return after `timeout` seconds, or after `limit` answers. Raise one of CONTROL_ERRORS if there
    is no control broker, or if it does not respond.
    """
    answers = app.control.broadcast(command, reply=True, timeout=timeout, limit=limit)
    return {worker: answer for one in answers or () for worker, answer in one.items()}


def consumers_of(answers: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return the reports in the answers to the command "stats", by worker and queue."""
    return {worker: stats.get("consumers", {}) for worker, stats in answers.items()}

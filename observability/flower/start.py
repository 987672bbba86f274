"""Flower for this service: on loopback or behind a login, read-only, and with the queues' depths.

`prepare` runs while Flower starts, after it has read its options and before it listens.
"""

import asyncio
import ipaddress
import re
from typing import Any

from celery import Celery
from django.conf import settings
from flower import events, urls
from flower.api import tasks
from flower.app import Flower
from flower.options import options
from flower.views import BaseHandler
from flower.views.monitor import Metrics
from prometheus_client import REGISTRY
from tornado.web import HTTPError, authenticated

from apps.common import aws
from observability.flower import bounds
from observability.flower.listening import address_problem, tls_problem, unix_socket_problem
from observability.flower.queues import QueueBroker, QueueDepths, QueueMetrics

LOOPBACK = "127.0.0.1"


def prepare(*, app: Celery) -> None:
    """Set Flower's defaults for this service, and replace its event receiver and its broker page.

    Raise SystemExit with one sentence if Flower would be reachable from other machines without a
    login, has no control broker, or cannot listen.
    """
    # Flower's own default is to listen on every interface.
    if not options.address:
        options.address = LOOPBACK
    problem = startup_problem(
        address="" if options.unix_socket else options.address,
        logins=options.basic_auth or [],
        has_other_login=bool(options.auth and options.auth_provider),
        control_url=settings.CELERY_CONTROL_URL,
    )
    problem = problem or tls_problem(urls.settings.get("ssl_options", {}))
    # Flower listens only after the tasks are imported, and ends with a traceback if it cannot.
    if options.unix_socket:
        problem = problem or unix_socket_problem(options.unix_socket)
    else:
        problem = problem or address_problem(address=options.address, port=options.port)
    if problem:
        raise SystemExit(problem)
    bounds.set_defaults(options)
    bounds.forget_gone_workers_regularly()
    options.read_only = options.read_only or not settings.FLOWER_MAY_CONTROL
    # Flower's own receiver would read events from the tasks' broker, which is SQS.
    events.EventReceiver = app.events.Receiver
    _disable_sending()
    _add_queue_depths()


def startup_problem(
    *, address: str, logins: list[str], has_other_login: bool, control_url: str
) -> str | None:
    """Return a sentence that says why Flower must not start and what to set, or None.

    `address` is the address to listen on, or empty for a Unix socket. `logins` have the form
    user:password.
    """
    if not control_url:
        return (
            "Flower has no control broker: set CELERY_CONTROL_URL, for example to "
            "redis://127.0.0.1:6379/0, for Flower and for the workers."
        )
    if not all(re.fullmatch(r"[^:]+:.+", login) for login in logins):
        return "FLOWER_BASIC_AUTH (--basic-auth) must be user:password, with neither part empty."
    if logins or has_other_login or is_loopback(address):
        return None
    return (
        f"Flower would listen on {address} without a login. Set FLOWER_BASIC_AUTH=user:password, "
        "or --auth with --auth-provider, or omit --address: Flower then listens on "
        f"{LOOPBACK} only."
    )


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach an address. Empty means a Unix socket."""
    if address in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _disable_sending() -> None:
    """Disable the part of Flower's API that would send tasks to the events' queue."""
    for handler in (tasks.TaskApply, tasks.TaskAsyncApply, tasks.TaskSend):
        handler.post = _refuse


@authenticated
async def _refuse(_handler: Any, _task: str) -> None:
    raise HTTPError(403, "Flower sends no tasks here: the queue is for events and pointers.")


def _add_queue_depths() -> None:
    """Show SQS's depths on Flower's broker page, which does not support SQS, and in its metrics."""
    depths = QueueDepths(
        urls=[settings.SQS_CONVERSATION_QUEUE_URL, settings.SQS_CONVERSATION_DLQ_URL],
        sqs=lambda: aws.sqs_client(options=aws.PAGE),
    )
    page = QueueBroker(depths)
    BaseHandler.get_broker = lambda _handler: page
    Flower.broker_uri = settings.SQS_CONVERSATION_QUEUE_URL
    REGISTRY.register(QueueMetrics(depths))
    metrics = Metrics.get

    async def get(handler: Any) -> None:
        # Fill the cache in another thread, because this one serves all pages.
        await asyncio.to_thread(depths.read)
        await metrics(handler)

    Metrics.get = get

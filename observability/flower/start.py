"""Flower for this service: on loopback or behind a login, watching only, and with SQS's depths.

`prepare` runs while Flower starts, after it has read its options and before it listens.
"""

import asyncio
import ipaddress
import re
from typing import Any

from celery import Celery
from django.conf import settings
from flower import events
from flower.api import tasks
from flower.app import Flower
from flower.options import options
from flower.views import BaseHandler
from flower.views.monitor import Metrics
from prometheus_client import REGISTRY
from tornado.web import HTTPError, authenticated

from apps.common import aws
from observability.flower.queues import QueueDepths, QueueMetrics, QueuesPage

LOOPBACK = "127.0.0.1"


def prepare(*, app: Celery) -> None:
    """Complete Flower's options, and give it our queues and the app's own receiver of events.

    Raises SystemExit with one sentence if it would be open to others without a login, or has
    nothing to watch.
    """
    # Flower's own default is every interface of the machine.
    if not options.address:
        options.address = LOOPBACK
    problem = problem_of(
        address="" if options.unix_socket else options.address,
        logins=options.basic_auth or [],
        has_other_login=bool(options.auth and options.auth_provider),
        control_url=settings.CELERY_CONTROL_URL,
    )
    if problem:
        raise SystemExit(problem)
    options.read_only = options.read_only or not settings.FLOWER_MAY_CONTROL
    # Flower's own would listen on the tasks' broker.
    events.EventReceiver = app.events.Receiver
    _never_send_tasks()
    _show_queues()


def problem_of(
    *, address: str, logins: list[str], has_other_login: bool, control_url: str
) -> str | None:
    """Why Flower must not start, in a sentence that says what to set; None if it may.

    `address` is where it will listen, empty for a Unix socket. `logins` are of the form
    user:password.
    """
    if not control_url:
        return (
            "Flower has nothing to watch: set CELERY_CONTROL_URL, for example to "
            "redis://127.0.0.1:6379/0, for Flower and for the workers."
        )
    if not all(re.fullmatch(r"[^:]+:.+", login) for login in logins):
        return "FLOWER_BASIC_AUTH (--basic-auth) must be user:password, neither of them empty."
    if logins or has_other_login or is_loopback(address):
        return None
    return (
        f"Flower would listen on {address} without a login. Set FLOWER_BASIC_AUTH=user:password, "
        "or --auth with --auth-provider, or leave --address out: then it listens on "
        f"{LOOPBACK} only."
    )


def is_loopback(address: str) -> bool:
    """Whether only this machine gets there; a Unix socket, the empty address, is such a place."""
    if address in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _never_send_tasks() -> None:
    """Flower's API could publish tasks: on the events' queue, past all rules of groups."""
    for handler in (tasks.TaskApply, tasks.TaskAsyncApply, tasks.TaskSend):
        handler.post = _refuse


@authenticated
async def _refuse(_handler: Any, _task: str) -> None:
    raise HTTPError(403, "Tasks are not sent from here: the queue is for events and pointers.")


def _show_queues() -> None:
    """Flower knows no SQS: its broker page would be an error."""
    depths = QueueDepths(
        urls=[settings.SQS_CONVERSATION_QUEUE_URL, settings.SQS_CONVERSATION_DLQ_URL],
        sqs=lambda: aws.sqs_client(options=aws.PAGE),
    )
    page = QueuesPage(depths)
    BaseHandler.get_broker = lambda _handler: page
    Flower.broker_uri = settings.SQS_CONVERSATION_QUEUE_URL
    REGISTRY.register(QueueMetrics(depths))
    metrics = Metrics.get

    async def get(handler: Any) -> None:
        # Read elsewhere, and known by then: all pages would wait with this thread.
        await asyncio.to_thread(depths.read)
        await metrics(handler)

    Metrics.get = get

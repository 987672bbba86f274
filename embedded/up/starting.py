"""Starts the servers and every process of the service, in order of their dependencies."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from embedded.network import LOOPBACK, at_port, free_port
from embedded.processes import ManagedProcess
from embedded.service import (
    is_ready,
    prepare,
    run_manage,
    running_beat,
    running_flower,
    running_module,
    running_web,
    running_worker,
)
from embedded.stack import Stack, running_stack
from embedded.up.keeping import Child

USER = "admin"
_START_SECONDS = 60.0
_TITLES = {
    "postgres": "PostgreSQL",
    "sqs": "SQS",
    "moto": "DynamoDB (moto)",
    "valkey": "Valkey",
}
# These keep everything in memory, so their queues and their table are gone when they are started
# again.
_IN_MEMORY = {"sqs", "moto"}


@dataclass(frozen=True, kw_only=True)
class Started:
    """What runs: the children, the addresses of the pages, and the login for them."""

    stack: Stack
    children: list[Child]
    web_url: str
    flower_url: str
    metrics_port: int
    password: str


def start(
    *, load: int | None, keeps_data: bool, exits: ExitStack, report: Callable[[str], object]
) -> Started:
    """Start everything; `exits` stops it. Raises ProcessError if a process does not start.

    `report` is called with each step.
    """
    report("Starting the embedded stack")
    stack = exits.enter_context(running_stack(keeps_data=keeps_data))
    password, metrics_port = secrets.token_urlsafe(12), free_port()
    settings = {
        **stack.environment,
        **_page_settings(password=password),
        "METRICS_PORT": str(metrics_port),
    }
    report("Migrating and provisioning")
    prepare(environment=settings, logs=stack.logs)
    _add_superuser(environment=settings, password=password, logs=stack.logs)
    report("Starting the worker, beat, the admin site and Flower")
    children = _servers(stack, environment=settings)
    children += _worker_behind_proxy(stack, environment=settings, exits=exits)
    beat = exits.enter_context(running_beat(environment=settings, logs=stack.logs))
    web = exits.enter_context(running_web(environment=settings, logs=stack.logs))
    flower = exits.enter_context(running_flower(environment=settings, logs=stack.logs))
    children += [
        _once_it_says("beat: Starting", name="beat", title="Beat", process=beat),
        Child(name="web", title="The web server", process=web.process, is_ready=web.is_ready),
        Child(name="flower", title="Flower", process=flower.process, is_ready=flower.is_ready),
    ]
    if load is not None:
        children.append(_load(load, environment=settings, logs=stack.logs, exits=exits))
    return Started(
        stack=stack,
        children=children,
        web_url=web.url,
        flower_url=flower.url,
        metrics_port=metrics_port,
        password=password,
    )


def _servers(stack: Stack, *, environment: Mapping[str, str]) -> list[Child]:
    provision = partial(
        run_manage, arguments=["provision"], environment=environment, logs=stack.logs
    )
    return [
        Child(
            name=name,
            title=_TITLES[name],
            process=server.process,
            is_ready=server.is_ready,
            repair=provision if name in _IN_MEMORY else None,
        )
        for name, server in stack.servers.items()
    ]


def _worker_behind_proxy(
    stack: Stack, *, environment: Mapping[str, str], exits: ExitStack
) -> list[Child]:
    """Start the worker, and a proxy between it and PostgreSQL, which a drill makes silent.

    Only the worker uses the proxy. So other programs see whether PostgreSQL itself is up.
    """
    port = free_port()
    proxy = exits.enter_context(
        running_module(
            name="proxy",
            arguments=[
                *("testbed.proxy", "--port", str(port)),
                *("--to", f"{LOOPBACK}:{urlsplit(stack.database_url).port}"),
            ],
            environment=environment,
            logs=stack.logs,
        )
    )
    title = "The proxy between the worker and PostgreSQL"
    first = _once_it_says(f"{LOOPBACK}:{port}", name="proxy", title=title, process=proxy)
    settings = {**environment, "DATABASE_URL": at_port(port, url=stack.database_url)}
    worker = exits.enter_context(running_worker(environment=settings, logs=stack.logs))
    return [
        first,
        Child(
            name="worker", title="The worker", process=worker, is_ready=partial(is_ready, worker)
        ),
    ]


def _load(load: int, *, environment: Mapping[str, str], logs: Path, exits: ExitStack) -> Child:
    sender = running_module(
        name="load", arguments=["testbed.traffic", str(load)], environment=environment, logs=logs
    )
    process = exits.enter_context(sender)
    return _once_it_says("Sending", name="load", title="The load", process=process)


def _once_it_says(words: str, *, name: str, title: str, process: ManagedProcess) -> Child:
    """Wait until the process has written these words, which show that it is ready."""

    def has_said() -> bool:
        return words in process.log_text()

    process.wait_until_ready(is_ready=has_said, timeout_seconds=_START_SECONDS)
    return Child(name=name, title=title, process=process, is_ready=has_said)


def _page_settings(*, password: str) -> dict[str, str]:
    return {
        "CONSOLE_ENABLED": "true",
        # 127.0.0.1 has no certificate for TLS, but only this machine can reach it.
        "DJANGO_PLAIN_HTTP": "true",
        "DJANGO_ALLOWED_HOSTS": f"{LOOPBACK},localhost",
        "DJANGO_STATIC_ROOT": "",
        "FLOWER_BASIC_AUTH": f"{USER}:{password}",
    }


def _add_superuser(*, environment: Mapping[str, str], password: str, logs: Path) -> None:
    run_manage(
        arguments=["createsuperuser", "--no-input"],
        environment={
            **environment,
            "DJANGO_SUPERUSER_USERNAME": USER,
            "DJANGO_SUPERUSER_EMAIL": "admin@example.org",
            "DJANGO_SUPERUSER_PASSWORD": password,
        },
        logs=logs,
    )

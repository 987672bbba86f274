"""The subjects of the comparison: how each of them is started, and how its events are encoded."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.common.chat import ChatEvent
from bench.common.stock_celery import SERVICE_STEPS, StockEncoder
from bench.common.trial import PROCESSES, Contender, Encoder, service
from bench.event_cost.idle import Sleeper
from bench.event_cost.lives import RATES
from embedded.packages import Packages
from embedded.service import PROJECT_ROOT, QUEUE, celery_command, worker_arguments

PACKAGES = Packages(
    command="make bench",
    folder=PROJECT_ROOT / ".bench",
    requirements=PROJECT_ROOT / "requirements" / "bench.txt",
    node_sources=Path(__file__).parent / "node",
)
POWERTOOLS = "aws-lambda-powertools"
# The latency without gathering is compared with the bare loop's at one more rate.
_MORE_RATES = (*RATES, 1_000.0)
_LOOP = [sys.executable, "-m", "bench.event_cost.bare_loop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A subject, and how many conversations it processes under backlog in about ten seconds.

    `rates` are those at which events are sent to it, if it can keep up. With `has_tasks` its worker
    runs the service's own tasks, which search archived conversations once more.
    """

    contender: Contender
    conversations: int
    rates: Sequence[float] = RATES
    has_tasks: bool = False


def plans() -> list[Plan]:
    """Return the subjects. Their packages must be installed. Raises CommandError."""
    arguments = worker_arguments(concurrency=PROCESSES)
    stock = celery_command(*arguments, app="bench.event_cost.stock_service")
    consumer: list[str | Path] = [
        PACKAGES.node(),
        PACKAGES.node_folder / "consumer.js",
        sys.executable,
    ]
    return [
        Plan(contender=service(), conversations=600, has_tasks=True),
        Plan(
            contender=replace(
                service(SQS_GATHER_MS="0"), name="eager", title="this service, without gathering"
            ),
            conversations=600,
            rates=_MORE_RATES,
            has_tasks=True,
        ),
        Plan(
            contender=Contender(
                name="stock", title="stock Celery", commands=[stock], encoder=_encoder_of_stock
            ),
            conversations=60,
        ),
        Plan(
            contender=_loop("floor", "bare loop", how="one-by-one"),
            conversations=300,
            rates=_MORE_RATES,
        ),
        Plan(contender=_loop("limit", "bare loop, in tens", how="together"), conversations=600),
        Plan(
            contender=Contender(
                name="consumer", title="sqs-consumer", commands=[consumer] * PROCESSES
            ),
            conversations=300,
        ),
        Plan(
            contender=_loop("powertools", "Powertools", how="powertools", settings=_powertools()),
            conversations=300,
        ),
    ]


def sleepers() -> dict[str, Sleeper]:
    """Return the subjects that are measured while they are idle."""
    worker = service()
    return {
        "service": Sleeper(contender=worker, pollers=1),
        "service_with_beat": Sleeper(
            contender=replace(worker, title="this service and beat"), pollers=1, has_beat=True
        ),
        "floor": Sleeper(
            contender=_loop("floor", "bare loop", how="one-by-one"), pollers=PROCESSES
        ),
    }


def _loop(
    name: str, title: str, *, how: str, settings: Mapping[str, str] | None = None
) -> Contender:
    return Contender(
        name=name, title=title, commands=[[*_LOOP, how]] * PROCESSES, settings=settings or {}
    )


def _powertools() -> dict[str, str]:
    """Return the settings with which the project's own Python finds Powertools.

    The versions of the packages that both have are the same (`make lock`).
    """
    paths = [str(PACKAGES.site_packages()), os.environ.get("PYTHONPATH", "")]
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "POWERTOOLS_SERVICE_NAME": "bench",
    }


def _encoder_of_stock() -> Encoder:
    encoder = StockEncoder(queue=QUEUE, steps=SERVICE_STEPS)

    def encode(event: ChatEvent) -> ChatEvent:
        argument = {"body": event.body, "group": event.group, "sent_at": time.time()}
        return replace(event, body=encoder.body(argument, group=event.group))

    return encode

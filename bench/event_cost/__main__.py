"""`python -m bench.event_cost` compares this service, stock Celery and two bare loops.

BENCH_CONTACTS (100) is the number of contacts who write.
"""

import sys
import time
from dataclasses import replace

from rich.console import Console

from bench.common.backlog import run_backlog, warm_up
from bench.common.chat import TEXT_CHARACTERS, ChatEvent, Load
from bench.common.costs import PRICES
from bench.common.servers import Servers, running_servers
from bench.common.stock_celery import SERVICE_STEPS, StockEncoder
from bench.common.trial import PROCESSES, Contender, Encoder, running_trial, service
from bench.event_cost.paced import run_paced
from bench.event_cost.page import BENCHMARK
from bench.event_cost.result import Comparison, SubjectResult, subject_result
from bench.event_cost.steady import MAX_SHARE, RATES, events_at, run_steady
from embedded.commands import number_setting
from embedded.service import QUEUE, celery_command, worker_arguments

_LOOP = [sys.executable, "-m", "bench.event_cost.bare_loop"]
CONTACTS = 100
# The number of messages of each contact. Each subject takes about 15 seconds for its number.
MESSAGES_EACH = {"service": 200, "eager": 200, "stock": 12, "floor": 80, "limit": 200}
PACED_SECONDS = 12.0
MAX_SECONDS = 240.0


def measure(console: Console) -> Comparison:
    """Run each subject alone. Raises ProcessError or CommandError."""
    contacts = number_setting("BENCH_CONTACTS", default=CONTACTS, minimum=1)
    subjects: dict[str, SubjectResult] = {}
    with running_servers() as servers:
        for contender in _contenders():
            console.print(f"Measuring {contender.title}")
            subjects[contender.name] = _measure(contender, servers=servers, contacts=contacts)
    return Comparison(
        contacts=contacts,
        processes=PROCESSES,
        text_characters=TEXT_CHARACTERS,
        prices=PRICES,
        subjects=subjects,
    )


def _measure(contender: Contender, *, servers: Servers, contacts: int) -> SubjectResult:
    first = 0

    def load(each: int, *, of: int = contacts) -> Load:
        """Return a load with `each` further messages of each of the first `of` contacts."""
        nonlocal first
        first += each
        return Load(contacts=of, numbers=range(first - each, first))

    with (
        servers.stage(contender.name) as stage,
        running_trial(contender, stage=stage) as trial,
    ):
        warm_up(trial, load=load(1), max_seconds=MAX_SECONDS)
        messages = load(MESSAGES_EACH[contender.name])
        backlog = run_backlog(trial, load=messages, max_seconds=MAX_SECONDS)

        capacity = backlog.events / backlog.seconds
        each = max(1, round(capacity / 2 * PACED_SECONDS / contacts))
        half_load = run_paced(trial, load=load(each), per_second=capacity / 2)
        steady = {}
        for rate in RATES:
            if rate <= MAX_SHARE * capacity:
                of = min(contacts, events_at(rate))
                messages = load(max(1, round(events_at(rate) / of)), of=of)
                steady[f"{rate:g}"] = run_steady(trial, load=messages, per_second=rate)
        return subject_result(
            title=contender.title, backlog=backlog, half_load=half_load, steady=steady
        )


def _contenders() -> list[Contender]:
    """Return this service, stock Celery, and the two bare loops."""
    arguments = worker_arguments(concurrency=PROCESSES)
    stock = celery_command(*arguments, app="bench.event_cost.stock_service")
    eager = service(SQS_GATHER_MS="0")
    return [
        service(),
        replace(eager, name="eager", title="this service, without gathering"),
        Contender(name="stock", title="stock Celery", commands=[stock], encoder=_encoder_of_stock),
        Contender(name="floor", title="bare loop", commands=[_LOOP] * PROCESSES),
        Contender(
            name="limit",
            title="bare loop, in tens",
            commands=[[*_LOOP, "--together"]] * PROCESSES,
        ),
    ]


def _encoder_of_stock() -> Encoder:
    encoder = StockEncoder(queue=QUEUE, steps=SERVICE_STEPS)

    def encode(event: ChatEvent) -> ChatEvent:
        argument = {"body": event.body, "group": event.group, "sent_at": time.time()}
        return replace(event, body=encoder.body(argument, group=event.group))

    return encode


if __name__ == "__main__":
    sys.exit(BENCHMARK.main(measure))

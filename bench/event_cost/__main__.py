"""`python -m bench.event_cost` compares this service with what users would write or pick instead.

BENCH_SECONDS (12) is how long events are sent at each rate. With fewer seconds, the command is
faster and the times are less certain.
"""

import sys

from rich.console import Console

from bench.common.backlog import warm_up
from bench.common.chat import TEXT_CHARACTERS, Load
from bench.common.servers import Servers, running_servers
from bench.common.trial import PROCESSES, running_trial, service
from bench.event_cost.contenders import PACKAGES, POWERTOOLS, Plan, plans, sleepers
from bench.event_cost.idle import run_idle
from bench.event_cost.lives import (
    BACKLOG,
    MAX_SECONDS,
    MAX_SHARE,
    MESSAGES_EACH,
    conversations_at,
    live_at_rate,
    live_in_backlog,
    search_again,
)
from bench.event_cost.main_process import run_main_process
from bench.event_cost.page import BENCHMARK
from bench.event_cost.result import (
    Comparison,
    LongTexts,
    SubjectResult,
    subject_result,
    whole_life,
)
from embedded.commands import number_setting
from operations.planning.prices import PRICES

_SECONDS = 12
_LONG_TEXTS = (300, 900)
_LONG_TEXTS_RATE = 50.0
# The messages of each contact that the main process hands out, for each of BENCH_SECONDS.
_HANDED_OUT_EACH = 20
# Long enough for no poll to end between two phases. With the default of 20 seconds, a worker would
# take as long to stop.
_POLL_SECONDS = "10"
# Contacts of all projects, so that these exist.
_WARM_UP_CONTACTS = 100


class Loads:
    """Makes loads of whole conversations. Each has contacts of its own."""

    def __init__(self) -> None:
        self._next_contact = 0

    def take(
        self, *, conversations: int, messages_each: int = MESSAGES_EACH, longest_text: int = 0
    ) -> Load:
        """Return a load of that many new contacts."""
        first, self._next_contact = self._next_contact, self._next_contact + conversations
        return Load(
            contacts=conversations,
            numbers=range(messages_each),
            first_contact=first,
            text_characters=_LONG_TEXTS[0] if longest_text else TEXT_CHARACTERS,
            longest_text=longest_text,
        )


def measure(console: Console) -> Comparison:
    """Run each subject alone. Raises ProcessError or CommandError."""
    seconds = number_setting("BENCH_SECONDS", default=_SECONDS, minimum=1)
    console.print("Installing the subjects that others wrote")
    PACKAGES.install()
    subjects: dict[str, SubjectResult] = {}
    with running_servers() as servers:
        console.print("Measuring idle subjects")
        idle = run_idle(servers, sleepers())
        console.print("Measuring the main process of a worker")
        main_process = run_main_process(servers, messages_each=_HANDED_OUT_EACH * seconds)
        for plan in plans():
            console.print(f"Measuring {plan.contender.title}")
            subjects[plan.contender.name] = _measure(plan, servers=servers, seconds=seconds)
        console.print("Measuring this service with long texts")
        long_texts = _measure_long_texts(servers, seconds=seconds)
    return Comparison(
        seconds=seconds,
        messages_each=MESSAGES_EACH,
        processes=PROCESSES,
        text_characters=TEXT_CHARACTERS,
        prices=PRICES,
        versions=PACKAGES.versions([POWERTOOLS]),
        subjects=subjects,
        long_texts=long_texts,
        idle=idle,
        main_process=main_process,
    )


def _measure(plan: Plan, *, servers: Servers, seconds: int) -> SubjectResult:
    contender, loads = plan.contender, Loads()
    with (
        servers.stage(contender.name, SQS_POLL_SECONDS=_POLL_SECONDS) as stage,
        running_trial(contender, stage=stage) as trial,
    ):
        greeting = loads.take(conversations=_WARM_UP_CONTACTS, messages_each=1)
        warm_up(trial, load=greeting, max_seconds=MAX_SECONDS)
        conversations = max(1, plan.conversations * seconds // _SECONDS)
        load = loads.take(conversations=conversations)
        backlog, life = live_in_backlog(trial, load=load)
        lives = {BACKLOG: life}
        events = life.stored.events + life.archived.events
        searched = search_again(trial, events=events, by_worker=plan.has_tasks)
        for rate in plan.rates:
            if rate <= MAX_SHARE * backlog.events / backlog.seconds:
                load = loads.take(conversations=conversations_at(rate, seconds=seconds))
                lives[f"{rate:g}"] = live_at_rate(trial, load=load, per_second=rate)
    return subject_result(title=contender.title, backlog=backlog, lives=lives, searched=searched)


def _measure_long_texts(servers: Servers, *, seconds: int) -> LongTexts:
    loads, (shortest, longest) = Loads(), _LONG_TEXTS
    with (
        servers.stage("long", SQS_POLL_SECONDS=_POLL_SECONDS) as stage,
        running_trial(service(), stage=stage) as trial,
    ):
        greeting = loads.take(conversations=_WARM_UP_CONTACTS, messages_each=1)
        warm_up(trial, load=greeting, max_seconds=MAX_SECONDS)
        conversations = conversations_at(_LONG_TEXTS_RATE, seconds=seconds)
        load = loads.take(conversations=conversations, longest_text=longest)
        life = live_at_rate(trial, load=load, per_second=_LONG_TEXTS_RATE)
        events = life.stored.events + life.archived.events
        searched = search_again(trial, events=events, by_worker=True)
    return LongTexts(
        shortest=shortest, longest=longest, whole_life=whole_life(life, searched=searched)
    )


if __name__ == "__main__":
    sys.exit(BENCHMARK.main(measure))

"""`python -m bench.event_cost`: this service, stock Celery and two bare loops on the same servers.

BENCH_CONTACTS (100) is the number of contacts who write.
"""

import sys

from rich.console import Console

from bench.common.backlog import run_backlog, warm_up
from bench.common.chat import TEXT_CHARACTERS, Load
from bench.common.costs import PRICES
from bench.common.servers import Servers, running_servers
from bench.common.trial import PROCESSES, Contender, running_trial
from bench.event_cost.contenders import contenders
from bench.event_cost.paced import Latency, run_paced
from bench.event_cost.page import BENCHMARK
from bench.event_cost.result import Comparison, SubjectResult, subject_result
from embedded.commands import number_setting

CONTACTS = 100
# Messages of each contact, which each subject processes in about 15 seconds.
MESSAGES_EACH = {"service": 200, "stock": 12, "floor": 80, "limit": 200}
PACED_SECONDS = 12.0
# At this rate every subject is idle most of the time, stock Celery included.
NO_BACKLOG_PER_SECOND = 10.0
MAX_SECONDS = 240.0


def measure(console: Console) -> Comparison:
    """Run each subject alone. Raises ProcessError or CommandError."""
    contacts = number_setting("BENCH_CONTACTS", default=CONTACTS, minimum=1)
    subjects: dict[str, SubjectResult] = {}
    with running_servers() as servers:
        for contender in contenders():
            console.print(f"Measuring {contender.title}")
            subjects[contender.name] = _measure(contender, servers=servers, contacts=contacts)
    return Comparison(
        contacts=contacts,
        processes=PROCESSES,
        text_characters=TEXT_CHARACTERS,
        no_backlog_per_second=NO_BACKLOG_PER_SECOND,
        prices=PRICES,
        subjects=subjects,
    )


def _measure(contender: Contender, *, servers: Servers, contacts: int) -> SubjectResult:
    loads = _Loads(contacts=contacts)
    with running_trial(contender, servers=servers, name=contender.name) as trial:
        warm_up(trial, load=loads.take(1), max_seconds=MAX_SECONDS)
        each = MESSAGES_EACH[contender.name]
        backlog = run_backlog(trial, load=loads.take(each), max_seconds=MAX_SECONDS)

        def paced(per_second: float) -> Latency:
            each = max(1, round(per_second * PACED_SECONDS / contacts))
            return run_paced(trial, load=loads.take(each), per_second=per_second)

        return subject_result(
            title=contender.title,
            backlog=backlog,
            half_load=paced(backlog.events / backlog.seconds / 2),
            no_backlog=paced(NO_BACKLOG_PER_SECOND),
        )


class _Loads:
    """Consecutive loads of the same contacts: each continues the numbers of the one before."""

    def __init__(self, *, contacts: int) -> None:
        self._contacts = contacts
        self._next = 0

    def take(self, each: int) -> Load:
        """Return a load with `each` messages of each contact."""
        numbers = range(self._next, self._next + each)
        self._next = numbers.stop
        return Load(contacts=self._contacts, numbers=numbers)


if __name__ == "__main__":
    sys.exit(BENCHMARK.main(measure))

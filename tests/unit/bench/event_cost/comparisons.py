"""A made-up comparison that reaches all goals."""

from dataclasses import replace

from bench.common.backlog import Backlog
from bench.event_cost.idle import Idle
from bench.event_cost.lives import BACKLOG, Life
from bench.event_cost.main_process import MainProcess
from bench.event_cost.paced import Latency, Percentiles
from bench.event_cost.result import Comparison, LongTexts, SubjectResult, subject_result, whole_life
from bench.event_cost.spent import Spent
from operations.planning.prices import PRICES
from tests.unit.bench.common.runs import BACKLOG as RUN


def life(*, effect: float = 9.0, tail: float = 3.0, sqs: float = 0.25, cpu: float = 1.0) -> Life:
    """Return the life of 13 events: `sqs` calls and `cpu` milliseconds each.

    Messages are stored `effect` milliseconds after they were received, and 1% of them `tail` times
    as late.
    """
    stored = Spent(
        events=12,
        cpu_seconds=12 * cpu / 1_000,
        sqs_calls=12 * sqs,
        sql=3.0,
        dynamodb_calls=3.0,
        write_units=12.0,
        read_units=0.0,
    )
    archived = Spent(
        events=1,
        cpu_seconds=cpu / 1_000,
        sqs_calls=sqs,
        sql=10.0,
        dynamodb_calls=2.0,
        write_units=0.0,
        read_units=3.0,
    )
    total = Percentiles(p50=1 + effect, p99=2 + tail * effect)
    latency = Latency(
        sent=12,
        per_second=50.0,
        queued=Percentiles(p50=1.0, p99=2.0),
        effect=Percentiles(p50=effect, p99=tail * effect),
        total=total,
        machine_busy=0.25,
    )
    return Life(stored=stored, archived=archived, total=total, latency=latency)


def searches(*, read_units: float = 0.0) -> Spent:
    """Return what the later searches of 13 events needed: these read units."""
    return Spent(
        events=13,
        cpu_seconds=0.0,
        sqs_calls=0.0,
        sql=0.0,
        dynamodb_calls=2.0,
        write_units=0.0,
        read_units=read_units,
    )


def subject(title: str, backlog: Backlog = RUN, **figures: float) -> SubjectResult:
    """Return a subject with the same figures at each rate."""
    at_rate = life(**figures)
    lives = {BACKLOG: replace(at_rate, latency=None), "1": at_rate, "10": at_rate, "50": at_rate}
    return subject_result(title=title, backlog=backlog, lives=lives, searched=searches())


COMPARISON = Comparison(
    seconds=10,
    messages_each=12,
    processes=2,
    text_characters=100,
    prices=PRICES,
    versions={"Node.js": "22.20.0", "sqs-consumer": "15.0.3"},
    subjects={
        "service": subject("this service"),
        "eager": subject("this service, without gathering"),
        "stock": subject("stock Celery", replace(RUN, seconds=50.0, inversions=4), sqs=7.0),
        "floor": subject(
            "bare loop",
            replace(RUN, counts=replace(RUN.counts, cpu_seconds=2.0)),
            effect=5.0,
            sqs=2.0,
        ),
    },
    long_texts=LongTexts(
        shortest=300, longest=900, whole_life=whole_life(life(), searched=searches())
    ),
    idle={
        "service": Idle(title="this service", seconds=60.0, requests={"ReceiveMessage": 3}),
        "service_with_beat": Idle(
            title="this service and beat",
            seconds=60.0,
            requests={"ReceiveMessage": 3, "GetQueueAttributes": 1},
        ),
    },
    main_process=MainProcess(events=20_000, cpu_seconds=2.0),
)

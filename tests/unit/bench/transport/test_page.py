"""The page about stock Celery shows the results of the run."""

from dataclasses import replace

from bench.common.journal import Order
from bench.transport.page import BENCHMARK
from bench.transport.result import FaultPair, FaultResult, LoadResult, Transports
from tests.unit.bench.common.runs import run_of

IN_ORDER = Order(inversions=0, begun_early=0, together=0)
FIFO_FAULT = FaultResult(
    exits=[],
    gave_up=0,
    was_killed=False,
    receives_again=True,
    restarts=0,
    sent=71,
    done=71,
    lost=0,
    left=0,
    dead_letters=0,
    repeated=0,
    order=IN_ORDER,
)
STOCK_FAULT = replace(
    FIFO_FAULT,
    exits=[1],
    gave_up=1,
    receives_again=False,
    restarts=1,
    done=68,
    lost=3,
    order=Order(inversions=5, begun_early=9, together=2),
)
TRANSPORTS = Transports(
    groups=10,
    concurrency=2,
    fault_groups=10,
    fault_step_milliseconds=30,
    most_restarts=2,
    stock=LoadResult(
        sent=100,
        done=80,
        seconds=4.0,
        calls={"DeleteMessage": 240, "ReceiveMessage": 160},
        order=Order(inversions=17, begun_early=40, together=6),
    ),
    fifo=LoadResult(sent=100, done=100, seconds=0.5, calls={"ReceiveMessage": 10}, order=IN_ORDER),
    faults=[FaultPair(fault="all is refused", stock=STOCK_FAULT, fifo=FIFO_FAULT)],
)


def _page(transports: Transports) -> list[str]:
    return BENCHMARK.render(run_of(transports)).splitlines()


def test_the_page_has_the_figures_of_the_load() -> None:
    page = _page(TRANSPORTS)
    assert "| SQS calls per event | 5.00 | 0.10 |" in page
    assert "| of these, DeleteMessage | 3.00 | 0.00 |" in page
    assert "| events out of order (last step) | 17 | 0 |" in page
    assert "| events that took effect | 80 of 100 | 100 of 100 |" in page
    assert "| throughput, as a multiple of stock Celery's | 1 | 10.0 |" in page
    assert "| events per second, in this run | 20 | 200 |" in page


def test_the_page_shows_the_effects_of_each_fault() -> None:
    page = _page(TRANSPORTS)
    assert "### All is refused" in page
    stock_worker = "1 of 2 ended by itself, status 1; 1 of 2 logged an unrecoverable error"
    assert f"| worker | {stock_worker} | went on running |" in page
    assert "| receives again | no; 1 new worker started | yes |" in page
    assert "| events | 68 of 71 took effect, 3 lost | 71 of 71 took effect, 0 lost |" in page
    assert "| order | 5 out of order, 9 begun early, 2 together | kept |" in page


def test_there_is_no_ratio_to_a_subject_that_processed_no_event() -> None:
    idle = replace(TRANSPORTS.stock, done=0, seconds=0.0)
    page = "\n".join(_page(replace(TRANSPORTS, stock=idle)))
    assert "multiple of stock" not in page
    assert "| events per second, in this run | 0 | 200 |" in page

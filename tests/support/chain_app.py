"""A small Celery app with a chain of three steps and some pointers, which other tests use."""

from collections.abc import Callable, Sequence
from typing import Any

from celery import Celery
from celery.app.trace import trace_task_ret
from kombu.serialization import loads

from celery_sqs_fifo import BatchItem, EventRules, EventTask, FifoTask, Outcome, PointerForm
from celery_sqs_fifo.running.envelope import Envelope

QUEUE = "events.fifo"
CHAIN = ("first", "second", "third")
Step = Callable[[list[BatchItem]], None]


def nothing(_batch: list[BatchItem]) -> None:
    """Do nothing: all events stay pending."""


def fifo_app(
    *,
    first: Step = nothing,
    second: Step = nothing,
    third: Step = nothing,
    outcome_of: Callable[[Exception], Outcome] | None = None,
    run_pointer: Callable[..., None] = nothing,
) -> Celery:
    """Return a new app without a broker.

    `outcome_of` replaces the method of this name in the three steps. All pointers call
    `run_pointer`.
    """
    app = Celery("fifo", broker="memory://", set_as_current=False, fixups=[])
    app.conf.update(task_ignore_result=True, accept_content=["json"], task_default_queue=QUEUE)
    options: dict[str, Any] = {"base": EventTask, "shared": False}
    if outcome_of:
        application_outcome_of = outcome_of
        options["outcome_of"] = lambda _task, error: application_outcome_of(error)
    for name, step in zip(CHAIN, (first, second, third), strict=True):
        app.task(_named(step), name=name, **options)

    pointers: dict[str, dict[str, Any]] = {
        "tick": {"pointer": PointerForm.NO_ARGUMENTS, "message_group": "ticks"},
        "other_tick": {"pointer": PointerForm.NO_ARGUMENTS, "message_group": "ticks"},
        "point": {"pointer": PointerForm.ONE_UUID},
        "close": {"pointer": PointerForm.ONE_UUID, "is_barrier": True},
        "undeclared": {},
    }
    for name, attributes in pointers.items():
        app.task(_named(run_pointer), name=name, base=FifoTask, shared=False, **attributes)
    app.task(_named(run_pointer), name="ordinary", shared=False)
    app.finalize()
    return app


def envelope_of(app: Celery, *, chain: Sequence[str] = CHAIN, **rules: Any) -> Envelope:
    """Return the envelope of the app's queue, with these rules for events."""
    return Envelope(app=app, queue=QUEUE, rules=EventRules(chain=chain, **rules))


def decoded(message: dict[str, Any]) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    """Return arguments, keyword arguments and embedded signatures as a pool process reads them."""
    args, kwargs, embed = loads(
        message["body"],
        message["content-type"],
        message["content-encoding"],
        accept={"application/json"},
    )
    return args, kwargs, embed


def run_as_pool_process(app: Celery, message: dict[str, Any]) -> tuple[int, Any, float]:
    """Run a message in this process as a pool process does, and return what it sends back."""
    headers = {**message["headers"], "properties": message["properties"]}
    headers["delivery_info"] = message["properties"]["delivery_info"]
    answer: tuple[int, Any, float] = trace_task_ret(
        headers["task"],
        headers["id"],
        headers,
        message["body"],
        message["content-type"],
        message["content-encoding"],
        app=app,
    )
    return answer


def _named(step: Callable[..., None]) -> Callable[..., None]:
    def run(*args: Any) -> None:
        step(*args)

    return run

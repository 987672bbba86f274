"""The remote commands that a worker obeys, and the forms of their arguments.

Whoever can write to the control broker can send these and nothing else: no command reads settings
or changes how a task works. What is not here is answered with a sentence.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from celery.worker import state as worker_state
from celery.worker.control import Panel

from celery_sqs_fifo.control.connection import address_of

logger = logging.getLogger(__name__)

MAX_POOL_SIZE = 64
MAX_IDS = 1_000
SIGNALS = ("SIGTERM", "SIGKILL", "TERM", "KILL")

Command = Callable[..., Any]
Answer = Any


class Refused(Exception):
    """A command is not done. The text is for the one who sent it, and says what would be."""


class Commands:
    """Runs commands, in the worker's main process, and tells the log once of each it refuses."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def run(self, state: Any, method: Any, arguments: Any) -> Answer:
        """What the command answers; {"error": sentence} where it is not done."""
        command = _COMMANDS.get(method) if isinstance(method, str) else None
        if command is None:
            return {"error": self._refuse(method)}
        try:
            return command(state, arguments if isinstance(arguments, Mapping) else {})
        except Refused as refused:
            return {"error": str(refused)}
        except Exception as error:
            # The text may come from whoever wrote to the broker.
            logger.error(
                "remote_command_failed",
                extra={"command": method, "error": type(error).__name__},
            )
            return {"error": f"{method} failed ({type(error).__name__}); see the worker's log."}

    def _refuse(self, method: Any) -> str:
        name = method if isinstance(method, str) and method in Panel.data else "an unknown command"
        if name not in self._told:
            self._told.add(name)
            logger.warning("remote_command_refused", extra={"command": name})
        return f"this worker does not obey {name}; it obeys: {', '.join(sorted(_COMMANDS))}."


def _ping(_state: Any, _arguments: Mapping[str, Any]) -> Answer:
    return {"ok": "pong"}


def _by_celery(name: str) -> Command:
    """Celery's own command, without arguments."""

    def run(state: Any, _arguments: Mapping[str, Any]) -> Answer:
        return Panel.data[name](state)

    return run


def _active(state: Any, _arguments: Mapping[str, Any]) -> Answer:
    return [request.info(safe=True) for request in state.tset(worker_state.active_requests)]


def _reserved(state: Any, _arguments: Mapping[str, Any]) -> Answer:
    waiting = state.tset(worker_state.reserved_requests) - state.tset(worker_state.active_requests)
    return [request.info(safe=True) for request in waiting]


def _query_task(state: Any, arguments: Mapping[str, Any]) -> Answer:
    return Panel.data["query_task"](state, _ids(arguments.get("ids")))


def _stats(state: Any, _arguments: Mapping[str, Any]) -> Answer:
    """Celery's, with the control broker's state, and of brokers nothing but where they are."""
    app = state.app
    stats = dict(state.consumer.controller.stats())
    stats["broker"] = {"transport": "sqs", "queues": sorted(_known_queues(state))}
    stats["control"] = {
        "broker": address_of(app.control_broker_url),
        "dropped_events": app.publisher.dropped,
    }
    return stats


def _revoke(state: Any, arguments: Mapping[str, Any]) -> Answer:
    """The event of a revoked task is quarantined; one that has not begun yet, when it would."""
    ids = _ids(arguments.get("task_id"))
    signal = arguments.get("signal") or "SIGTERM"
    if signal not in SIGNALS:
        raise Refused(f"the signal must be one of {', '.join(SIGNALS)}.")
    worker_state.revoked.update(ids)
    running = [request for id_ in ids if (request := worker_state.requests.get(id_))]
    if arguments.get("terminate") is True:
        for request in running:
            request.terminate(state.consumer.pool, signal=signal)
    logger.warning("tasks_revoked", extra={"tasks": len(ids), "here": len(running)})
    return {"ok": f"{len(ids)} revoked, {len(running)} of them here."}


def _terminate(state: Any, arguments: Mapping[str, Any]) -> Answer:
    return _revoke(state, {**arguments, "terminate": True})


def _pool_grow(state: Any, arguments: Mapping[str, Any]) -> Answer:
    return _resize(state, by=_count(arguments))


def _pool_shrink(state: Any, arguments: Mapping[str, Any]) -> Answer:
    return _resize(state, by=-_count(arguments))


def _resize(state: Any, *, by: int) -> Answer:
    consumer = state.consumer
    if consumer.controller.autoscaler:
        raise Refused("the worker scales its pool by itself (--autoscale).")
    wanted = consumer.pool.num_processes + by
    if not 1 <= wanted <= MAX_POOL_SIZE:
        raise Refused(f"the pool must keep 1 to {MAX_POOL_SIZE} processes, not {wanted}.")
    try:
        consumer.pool.grow(by) if by > 0 else consumer.pool.shrink(-by)
    except ValueError:
        raise Refused("all processes are at work; try again.") from None
    consumer._update_prefetch_count(by)
    logger.warning("pool_resized", extra={"processes": wanted})
    return {"ok": f"the pool will have {wanted} processes."}


def _shutdown(_state: Any, _arguments: Mapping[str, Any]) -> Answer:
    """Warm, at the event loop's next turn: an answer is sent before."""
    logger.warning("shutdown_requested")
    worker_state.should_stop = 0
    return {"ok": "shutting down: what runs is finished first."}


def _add_consumer(state: Any, arguments: Mapping[str, Any]) -> Answer:
    queue = _queue(state, arguments)
    if state.consumer.task_consumer.consuming_from(queue):
        return {"ok": f"already consuming from {queue}."}
    state.consumer.add_task_queue(queue)
    return {"ok": f"consuming from {queue}."}


def _cancel_consumer(state: Any, arguments: Mapping[str, Any]) -> Answer:
    queue = _queue(state, arguments)
    if not state.consumer.task_consumer.consuming_from(queue):
        return {"ok": f"not consuming from {queue}."}
    with state.consumer.task_consumer.channel.going_on():
        state.consumer.cancel_task_queue(queue)
    return {"ok": f"no longer consuming from {queue}; what runs is finished."}


def _queue(state: Any, arguments: Mapping[str, Any]) -> str:
    queue, known = arguments.get("queue"), _known_queues(state)
    if queue not in known:
        raise Refused(f"there is no such queue; these are known: {', '.join(sorted(known))}.")
    return str(queue)


def _known_queues(state: Any) -> list[str]:
    return list(state.app.conf.broker_transport_options["predefined_queues"])


def _ids(ids: Any) -> list[str]:
    ids = [ids] if isinstance(ids, str) else ids
    if (
        not isinstance(ids, list)
        or not 1 <= len(ids) <= MAX_IDS
        or not all(isinstance(id_, str) and len(id_) <= 64 for id_ in ids)
    ):
        raise Refused(f"name 1 to {MAX_IDS} task ids.")
    return ids


def _count(arguments: Mapping[str, Any]) -> int:
    count = arguments.get("n", 1)
    if not isinstance(count, int) or not 1 <= count <= MAX_POOL_SIZE:
        raise Refused(f"the number of processes must be from 1 to {MAX_POOL_SIZE}.")
    return count


_COMMANDS: Mapping[str, Command] = {
    "ping": _ping,
    "active": _active,
    "reserved": _reserved,
    "stats": _stats,
    "query_task": _query_task,
    **{
        name: _by_celery(name)
        for name in ("scheduled", "revoked", "registered", "active_queues", "clock")
    },
    # Who begins to listen asks for both: the first has all workers tell that they are there.
    **{name: _by_celery(name) for name in ("heartbeat", "enable_events")},
    "revoke": _revoke,
    "terminate": _terminate,
    "pool_grow": _pool_grow,
    "pool_shrink": _pool_shrink,
    "shutdown": _shutdown,
    "add_consumer": _add_consumer,
    "cancel_consumer": _cancel_consumer,
}

"""The remote commands that a worker executes, and the checks of their arguments.

A client with access to the control broker can run only these commands. None of them reads settings
or changes how a task works. The worker replies to any other command with an error.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from celery.signals import worker_shutting_down
from celery.worker import state as worker_state
from celery.worker.control import Panel

from celery_sqs_fifo.control.connection import address_of
from celery_sqs_fifo.control.failed_events import list_causes, list_held, release_cause
from celery_sqs_fifo.control.refusals import CommandRefused

logger = logging.getLogger(__name__)

MAX_POOL_SIZE = 64
MAX_IDS = 1_000
SIGNALS = ("SIGTERM", "SIGKILL", "TERM", "KILL")

Command = Callable[..., Any]
Answer = Any


class Commands:
    """Run commands in the worker's main process, and log each refused command once."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def run(self, state: Any, method: Any, arguments: Any) -> Answer:
        """Return the command's answer, or {"error": text} if it is refused or fails."""
        command = _COMMANDS.get(method) if isinstance(method, str) else None
        if command is None:
            return {"error": self._refuse(method)}
        try:
            return command(state, arguments if isinstance(arguments, Mapping) else {})
        except CommandRefused as refused:
            return {"error": str(refused)}
        except Exception as error:
            # The error's text may quote the command's arguments.
            logger.error(
                "remote_command_failed",
                extra={"command": method, "error": type(error).__name__},
            )
            return {"error": f"{method} failed ({type(error).__name__}); see the worker's log."}

    def _refuse(self, method: Any) -> str:
        name = method if isinstance(method, str) and method in Panel.data else "an unknown command"
        if name not in self._logged:
            self._logged.add(name)
            logger.warning("remote_command_refused", extra={"command": name})
        return f"this worker does not accept {name}; it accepts: {', '.join(sorted(_COMMANDS))}."


def _ping(_state: Any, _arguments: Mapping[str, Any]) -> Answer:
    return {"ok": "pong"}


def _by_celery(name: str) -> Command:
    """Return Celery's own command, called without arguments."""

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
    """Return Celery's statistics, and the states of the consumers and of the control broker.

    Of the brokers' settings only the addresses are included.
    """
    # Imported here, because programs without metrics import this module, too.
    from celery_sqs_fifo.metrics import consumer_gauges

    app = state.app
    stats = dict(state.consumer.controller.stats())
    stats["broker"] = {"transport": "sqs", "queues": sorted(_known_queues(state))}
    stats["consumers"] = consumer_gauges.reports()
    stats["control"] = {
        "broker": address_of(app.control_broker_url),
        "dropped_events": app.publisher.dropped,
    }
    return stats


def _revoke(state: Any, arguments: Mapping[str, Any]) -> Answer:
    """Revoke tasks, whose events are then quarantined.

    The events of a task that has not started are quarantined when it would start.
    """
    ids = _ids(arguments.get("task_id"))
    signal = arguments.get("signal") or "SIGTERM"
    if signal not in SIGNALS:
        raise CommandRefused(f"the signal must be one of {', '.join(SIGNALS)}.")
    # `celery control terminate KILL` sends KILL as the signal and as the only id.
    if named := [id_ for id_ in ids if id_ in SIGNALS]:
        raise CommandRefused(f"{named[0]} is a signal, not a task id: give task ids after it.")
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
        raise CommandRefused("the worker scales its pool automatically (--autoscale).")
    wanted = consumer.pool.num_processes + by
    if not 1 <= wanted <= MAX_POOL_SIZE:
        raise CommandRefused(f"the pool must keep 1 to {MAX_POOL_SIZE} processes, not {wanted}.")
    try:
        consumer.pool.grow(by) if by > 0 else consumer.pool.shrink(-by)
    except ValueError:
        raise CommandRefused("all processes are busy; try again later.") from None
    consumer._update_prefetch_count(by)
    logger.warning("pool_resized", extra={"processes": wanted})
    return {"ok": f"the pool will have {wanted} processes."}


def _shutdown(state: Any, _arguments: Mapping[str, Any]) -> Answer:
    """Start a warm shutdown at the next turn of the event loop, after the answer is queued.

    Send Celery's signal, as SIGTERM does, because it starts the deadline of the shutdown.
    """
    logger.warning("shutdown_requested")
    worker_shutting_down.send(sender=state.hostname, sig="shutdown", how="Warm", exitcode=0)
    worker_state.should_stop = 0
    return {"ok": "shutting down after the running tasks finish."}


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
    with state.consumer.task_consumer.channel.without_waiting():
        state.consumer.cancel_task_queue(queue)
    return {"ok": f"no longer consuming from {queue}; its running tasks finish."}


def _queue(state: Any, arguments: Mapping[str, Any]) -> str:
    queue, known = arguments.get("queue"), _known_queues(state)
    if queue not in known:
        raise CommandRefused(f"unknown queue; the known queues are: {', '.join(sorted(known))}.")
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
        raise CommandRefused(f"give 1 to {MAX_IDS} task ids.")
    return ids


def _count(arguments: Mapping[str, Any]) -> int:
    count = arguments.get("n", 1)
    if not isinstance(count, int) or not 1 <= count <= MAX_POOL_SIZE:
        raise CommandRefused(f"the number of processes must be from 1 to {MAX_POOL_SIZE}.")
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
    # A program that starts to receive events sends both: `heartbeat` makes all workers report
    # themselves.
    **{name: _by_celery(name) for name in ("heartbeat", "enable_events")},
    "revoke": _revoke,
    "terminate": _terminate,
    "pool_grow": _pool_grow,
    "pool_shrink": _pool_shrink,
    "shutdown": _shutdown,
    "causes": lambda state, _arguments: list_causes(state),
    "held": lambda state, _arguments: list_held(state),
    "release_cause": lambda state, arguments: release_cause(state, arguments.get("cause")),
    "add_consumer": _add_consumer,
    "cancel_consumer": _cancel_consumer,
}

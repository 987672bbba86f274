"""The remote commands about events that failed: held events, and causes of failures.

The decorators make a command known to `celery inspect` and `celery control`.
"""

from typing import Any

from celery.worker.control import control_command, inspect_command

from celery_sqs_fifo.control.refusals import CommandRefused

MAX_CAUSE_CHARACTERS = 1_000

Answer = Any


@inspect_command(name="held")
def list_held(state: Any, **_arguments: Any) -> Answer:
    """List the events that failed and will run again, by ids."""
    return state.consumer.task_consumer.channel.held_events()


@inspect_command(name="causes")
def list_causes(state: Any, **_arguments: Any) -> Answer:
    """List the causes of unexpected failures that were charged to events."""
    return state.consumer.task_consumer.channel.causes()


@control_command(name="release_cause", args=[("cause", str)], signature="CAUSE")
def release_cause(state: Any, cause: Any = None, **_arguments: Any) -> Answer:
    """Make the events that are parked for a cause visible, and reset its quota."""
    if not isinstance(cause, str) or not 1 <= len(cause) <= MAX_CAUSE_CHARACTERS:
        raise CommandRefused("give a cause, as `celery inspect causes` shows it.")
    released = state.consumer.task_consumer.channel.release_cause(cause)
    return {"ok": f"{released} events of this cause become visible; its hourly quota is reset."}

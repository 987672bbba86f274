"""The service with steps that do nothing: `celery -A bench.event_cost.stubbed_service worker`.

The main process does not know it. A pool process reads the events, which its log lines need, and
returns them as done.
"""

from typing import Any

from celery import signals

from config import app

__all__ = ("app",)


@signals.celeryd_init.connect(weak=False)
def stub_steps(**_signal: Any) -> None:
    """Replace the work of each step, after Celery has imported the tasks."""
    # Tasks import models, which cannot be imported before the settings are set.
    from tasks.event_rules import RULES
    from tasks.steps import reading

    def read(batch: list[Any]) -> None:
        for item in batch:
            reading.read(item)

    first, *others = [app.tasks[name] for name in RULES.chain]
    first.run = read
    for step in others:
        step.run = lambda _batch: None

"""`python -m demo`: run the service end to end on an embedded stack, and check the result.

DEMO_EVENTS is the number of generated events, beside the samples. DEMO_SEED repeats a day.
"""

import os
import secrets
import sys
from datetime import UTC, datetime, timedelta

from rich.console import Console

from demo.samples import sample_events
from demo.settings import demo_environment, use_settings
from demo.summary import sqs_calls, summarize
from demo.tables import figures_table, print_defects, print_summary
from embedded.processes import ProcessError, sigterm_as_exit
from embedded.service import prepare
from embedded.stack import running_stack
from testbed.traffic.day import MIN_EVENTS, generate_day

_EVENTS = 1_000
_MAX_EVENTS = 20_000
_MAX_SEED = 2**32 - 1
_LOG_LINES = 20
_INTERRUPTED = 130


def main() -> int:
    """0 if every event had its effect once and in its place, and the figures are right, else 1.

    130 and 143 if stopped.
    """
    console, errors = Console(), Console(stderr=True)
    try:
        events = _number("DEMO_EVENTS", default=_EVENTS, minimum=MIN_EVENTS, maximum=_MAX_EVENTS)
        seed = _number(
            "DEMO_SEED", default=secrets.randbelow(_MAX_SEED), minimum=0, maximum=_MAX_SEED
        )
        with sigterm_as_exit():
            return _demo(events=events, seed=seed, console=console, errors=errors)
    except (ProcessError, ValueError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("Interrupted. Everything is stopped.")
        return _INTERRUPTED
    except SystemExit:
        errors.print("Terminated. Everything is stopped.")
        raise


def _demo(*, events: int, seed: int, console: Console, errors: Console) -> int:
    now = datetime.now(UTC)
    day = generate_day(events=events, seed=seed, day=now.date() - timedelta(days=1))
    console.print(
        f"A day of {events} events, DEMO_SEED={seed}, after the sample events", highlight=False
    )
    console.print("Starting PostgreSQL, SQS, DynamoDB and Valkey")
    with running_stack() as stack:
        environment = demo_environment(stack.environment, now=now)
        console.print("Migrating and provisioning")
        prepare(environment=environment, logs=stack.logs)
        use_settings(environment)
        # Its modules use the models, which need the settings.
        from demo.run import run

        console.print("Starting the worker and beat")
        result = run(
            stack=stack,
            environment=environment,
            day=day,
            samples=sample_events(),
            console=console,
        )
    calls = sqs_calls(result.worker_log)
    summary = summarize(
        events=len(result.sent),
        found=result.found,
        figures=result.figures,
        defects=result.defects,
        sqs_calls=calls,
    )
    print_summary(
        console=console,
        summary=summary,
        expected=result.expected,
        found=result.found,
        sqs_calls=calls,
    )
    console.print(
        figures_table(
            names={project.uuid: project.name for project in day.projects},
            expected=result.expected_figures,
            found=result.figures,
        )
    )
    if result.stalled or not summary.is_clean:
        print_defects(console=errors, defects=result.defects)
        errors.print("The end of the worker's log:")
        for line in result.worker_log.splitlines()[-_LOG_LINES:]:
            errors.print(f"    {line}", markup=False, highlight=False, soft_wrap=True)
        sentence = (
            f"The service did not finish: {result.stalled}."
            if result.stalled
            else "Not every event had its effect once and in its place, or the figures are wrong."
        )
        errors.print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)
    console.print(summary.as_json(), markup=False, highlight=False, soft_wrap=True)
    return 0 if summary.is_clean and not result.stalled else 1


def _number(name: str, *, default: int, minimum: int, maximum: int) -> int:
    """A whole number from the environment. Raises ValueError with what to set instead."""
    text = os.environ.get(name, "") or str(default)
    if not (text.isascii() and text.isdigit() and minimum <= int(text) <= maximum):
        raise ValueError(f"{name} must be a whole number from {minimum} to {maximum}.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m demo` runs the service end to end on an embedded stack, and checks the result.

DEMO_EVENTS (1000) is how many events are generated, in addition to the samples. DEMO_SEED (random,
and printed) determines them: the same seed generates the same events.
"""

import secrets
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

from rich.console import Console

from demo.report import figures_table, print_defects, print_summary, sqs_calls, summarize
from demo.samples import sample_events
from demo.settings import demo_environment, use_settings
from embedded.commands import exit_status, number_setting, print_error
from embedded.service import prepare
from embedded.stack import Stack, running_stack
from testbed.traffic.day import MIN_EVENTS, generate_day

_EVENTS = 1_000
_MAX_EVENTS = 20_000
_MAX_SEED = 2**32 - 1
_LOG_LINES = 20


def run_demo(
    console: Console, *, running: Callable[[], AbstractContextManager[Stack]] = running_stack
) -> int:
    """Return 0 if every event took effect once and in order, and all figures are right; else 1.

    `running` runs the servers within its block. Raises ProcessError or CommandError.
    """
    events = number_setting("DEMO_EVENTS", default=_EVENTS, minimum=MIN_EVENTS, maximum=_MAX_EVENTS)
    seed = number_setting("DEMO_SEED", default=secrets.randbelow(_MAX_SEED), maximum=_MAX_SEED)
    now = datetime.now(UTC)
    day = generate_day(events=events, seed=seed, day=now.date() - timedelta(days=1))
    kinds = Counter(event.name for event in day.all_events)
    console.print(
        f"Events: the samples, and a generated day of {events} (DEMO_SEED={seed}): "
        + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())),
        highlight=False,
    )
    console.print("Starting PostgreSQL, SQS, DynamoDB and Valkey")
    with running() as stack:
        environment = demo_environment(stack.environment, now=now)
        console.print("Migrating and provisioning")
        prepare(environment=environment, logs=stack.logs)
        use_settings(environment)
        # Models cannot be imported before the settings are set.
        from demo.run import run

        console.print("Starting the worker and beat")
        processed, compared, worker_log = run(
            stack=stack,
            environment=environment,
            day=day,
            samples=sample_events(),
            console=console,
        )
    summary = summarize(
        events=len(processed.sent),
        found=compared.found,
        figures=compared.figures,
        defects=compared.defects,
        sqs_calls=sqs_calls(worker_log),
    )
    print_summary(
        console=console,
        summary=summary,
        expected=compared.expected,
        found=compared.found,
        sqs_calls=sqs_calls(worker_log),
    )
    console.print(
        figures_table(
            names={project.uuid: project.name for project in day.projects},
            expected=compared.expected_figures,
            found=compared.figures,
        )
    )
    if processed.stalled or not summary.is_clean:
        print_defects(compared.defects)
        lines = worker_log.splitlines()[-_LOG_LINES:]
        print_error("\n    ".join(["The end of the worker's log:", *lines]))
        print_error(
            f"The service did not finish: {processed.stalled}."
            if processed.stalled
            else "At least one event did not take effect exactly once and in order,"
            " or a figure is wrong."
        )
    console.print(summary.as_json(), markup=False, highlight=False, soft_wrap=True)
    return 0 if summary.is_clean and not processed.stalled else 1


if __name__ == "__main__":
    sys.exit(exit_status(run_demo))

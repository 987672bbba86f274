"""`python -m demo`: run the service end to end on an embedded stack, and check the result.

DEMO_EVENTS (1000) is how many events are generated, in addition to the samples. DEMO_SEED (random,
and printed) determines them: the same seed generates the same events.
"""

import secrets
import sys
from datetime import UTC, datetime, timedelta

from rich.console import Console

from demo.samples import sample_events
from demo.settings import demo_environment, use_settings
from demo.summary import sqs_calls, summarize
from demo.tables import figures_table, print_defects, print_summary
from embedded.commands import exit_status, number_setting, print_error
from embedded.service import prepare
from embedded.stack import running_stack
from testbed.traffic.day import MIN_EVENTS, generate_day

_EVENTS = 1_000
_MAX_EVENTS = 20_000
_MAX_SEED = 2**32 - 1
_LOG_LINES = 20


def run_demo(console: Console) -> int:
    """Return 0 if every event took effect exactly once and in order with right figures, else 1.

    Raises ProcessError or CommandError.
    """
    events = number_setting("DEMO_EVENTS", default=_EVENTS, minimum=MIN_EVENTS, maximum=_MAX_EVENTS)
    seed = number_setting("DEMO_SEED", default=secrets.randbelow(_MAX_SEED), maximum=_MAX_SEED)
    now = datetime.now(UTC)
    day = generate_day(events=events, seed=seed, day=now.date() - timedelta(days=1))
    console.print(
        f"Events: the samples, then a generated day of {events} (DEMO_SEED={seed})", highlight=False
    )
    console.print("Starting PostgreSQL, SQS, DynamoDB and Valkey")
    with running_stack() as stack:
        environment = demo_environment(stack.environment, now=now)
        console.print("Migrating and provisioning")
        prepare(environment=environment, logs=stack.logs)
        use_settings(environment)
        # Models cannot be imported before the settings are set.
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
        print_defects(result.defects)
        lines = result.worker_log.splitlines()[-_LOG_LINES:]
        print_error("\n    ".join(["The end of the worker's log:", *lines]))
        print_error(
            f"The service did not finish: {result.stalled}."
            if result.stalled
            else "At least one event did not take effect exactly once and in order,"
            " or a figure is wrong."
        )
    console.print(summary.as_json(), markup=False, highlight=False, soft_wrap=True)
    return 0 if summary.is_clean and not result.stalled else 1


if __name__ == "__main__":
    sys.exit(exit_status(run_demo))

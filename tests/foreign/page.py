"""Renders the tables and the page of `make foreign`. Every figure comes from the runs."""

from collections.abc import Callable
from pathlib import Path

from bench.common.tables import Table, in_rows, wrapped
from tests.foreign.result import Behaviour, ForeignRun, Result


def render(result: Result) -> str:
    """Return the page in Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    unavailable = "\n".join(
        f"- *{name}* was not run: {reason}" for name, reason in result.unavailable.items()
    )
    template = Path(__file__).with_name("page.md").read_text()
    return wrapped(
        template.format(
            result=result,
            commit=result.commit or "unknown",
            versions=versions,
            unavailable=unavailable,
            **tables(result),
            kept=_kept(result),
        )
    )


def tables(result: Result) -> dict[str, Table]:
    """Return the tables of the runs and of the differences between the servers and AWS."""
    kinds = list(result.runs[0].defects) if result.runs else []
    return {
        "runs": in_rows(
            result.runs,
            {
                "SQS": lambda run: run.sqs,
                "DynamoDB": lambda run: run.dynamodb,
                "PgBouncer": lambda run: run.pool_mode,
                "events": lambda run: f"{run.events:,}",
                "SIGKILLs": lambda run: str(run.kills),
                **{kind.replace("_", " "): _counted(kind) for kind in kinds},
                "drained in": lambda run: f"{run.drain_seconds:.0f} s",
            },
        ),
        "departures": in_rows(
            [one for one in result.behaviours if not all(one.servers.values())],
            {
                "AWS": lambda one: one.documented,
                "where": lambda one: one.source,
                "departs": lambda one: ", ".join(_without(one)),
            },
        ),
    }


def _kept(result: Result) -> Table:
    return in_rows(
        [one for one in result.behaviours if all(one.servers.values())],
        {
            "AWS": lambda one: one.documented,
            "where": lambda one: one.source,
            "tried on": lambda one: ", ".join(one.servers),
        },
    )


def _counted(kind: str) -> Callable[[ForeignRun], str]:
    return lambda run: str(run.defects[kind])


def _without(behaviour: Behaviour) -> list[str]:
    return [name for name, does in behaviour.servers.items() if not does]

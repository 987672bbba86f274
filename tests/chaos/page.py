"""The page about a run. Every figure comes from the run."""

from pathlib import Path

from bench.common.tables import Table, wrapped
from tests.chaos.result import ChaosRun
from tests.chaos.rows import tables


def render(*, run: ChaosRun) -> str:
    """Return the page in Markdown."""
    page = (
        Path(__file__)
        .with_name("page.md")
        .read_text()
        .format(
            run=run,
            commit=run.commit or "unknown",
            kinds=Table(
                head=("Events", ""), rows=[[kind, f"{n:,}"] for kind, n in run.kinds.items()]
            ),
            **tables(run),
        )
    )
    return wrapped(page)

"""Runs the checks of all dependencies, even if some of them fail."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from operations.doctor import (
    beat,
    clocks,
    control,
    credentials,
    dynamodb,
    lake,
    postgresql,
    queues,
    rollups,
    waiting,
    workers,
)
from operations.doctor.findings import Finding, error

Check = Callable[[], Iterable[Finding]]

CHECKS: Mapping[str, Check] = {
    "aws": credentials.check,
    "sqs": queues.check,
    "dynamodb": dynamodb.check,
    "postgresql": postgresql.check,
    "control": control.check,
    "lake": lake.check,
    "workers": workers.check,
    "beat": beat.check,
    "waiting": waiting.check,
    "rollups": rollups.check,
    "clocks": clocks.check,
}


def examine() -> Iterator[Finding]:
    """Yield all findings in a fixed order. A check that fails does not stop the others."""
    for name, check in CHECKS.items():
        try:
            yield from check()
        except Exception as failure:
            # The error's text is left out, because it might quote a setting.
            yield error(
                name,
                f"The remaining checks of {name} failed ({type(failure).__name__}).",
                "Fix the other findings and run this again. If the error persists, report it.",
            )

"""Looking at every dependency, whatever is wrong with the others."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from operations.doctor import beat, clocks, control, dynamodb, lake, postgresql, sqs
from operations.doctor.findings import Finding, error

Check = Callable[[], Iterable[Finding]]

CHECKS: Mapping[str, Check] = {
    "sqs": sqs.check,
    "dynamodb": dynamodb.check,
    "postgresql": postgresql.check,
    "control": control.check,
    "lake": lake.check,
    "beat": beat.check,
    "clocks": clocks.check,
}


def examine() -> Iterator[Finding]:
    """All findings, in a fixed order. Nothing is changed, and no check keeps the others from it."""
    for name, check in CHECKS.items():
        try:
            yield from check()
        except Exception as failure:
            # Not its text, which might quote a setting.
            yield error(
                name,
                f"The rest of these checks could not be made ({type(failure).__name__}).",
                "Mend the other findings and run this again. If it stays, report it.",
            )

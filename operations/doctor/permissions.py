"""Whether the credentials may do what a worker does, found out without doing it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operations.doctor.aws import Kind, Reply, Service
from operations.doctor.findings import Finding, error, ok, skipped, warning


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A call that asks for a permission and cannot have an effect.

    `expected` are the words with which AWS refuses the call itself; `is_harmless` if it may as well
    be done.
    """

    check: str
    permission: str
    resource: str
    action: str
    parameters: Mapping[str, Any]
    expected: frozenset[str]
    is_harmless: bool = False


def check_permissions(service: Service, probes: Sequence[Probe]) -> Iterator[Finding]:
    """One finding for each.

    "Not refused" is all that a call which is wrong on purpose can show: AWS does not document
    whether it looks at the parameters or at the permission first. AccessDenied is certain.
    """
    for probe in probes:
        yield _finding(probe, service.ask(probe.action, **probe.parameters))


def _finding(probe: Probe, reply: Reply) -> Finding:
    if reply.kind is Kind.NOT_ALLOWED:
        return error(
            probe.check,
            f"{probe.permission} on {probe.resource} is not allowed.",
            f'Allow "{probe.permission}" on {probe.resource} in the policy of the role '
            "(docs/deployment.md).",
        )
    if reply.kind is Kind.DONE and probe.is_harmless:
        return ok(probe.check, f"{probe.permission} is allowed.")
    if reply.word in probe.expected:
        return ok(probe.check, f"{probe.permission} is not refused.")
    if reply.kind is Kind.MISSING:
        return skipped(probe.check, f"{probe.resource} is not there.")
    return warning(
        probe.check,
        f"{probe.permission} on {probe.resource} cannot be known: {reply.word or 'no refusal'}.",
        "Run this again; if it stays, see what the other checks say.",
    )

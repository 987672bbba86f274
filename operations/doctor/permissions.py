"""Checks whether the credentials have the worker's permissions, without using them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operations.doctor.aws import Reply, ReplyKind, Service
from operations.doctor.findings import Finding, error, ok, skipped, warning


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A call that needs a permission and has no effect.

    `expected` are the error codes of AWS for the invalid parameters of the call. If the call
    succeeds, it is allowed.
    """

    check: str
    permission: str
    resource: str
    action: str
    parameters: Mapping[str, Any]
    expected: frozenset[str]


def check_permissions(service: Service, probes: Sequence[Probe]) -> Iterator[Finding]:
    """Yield a finding for each probe.

    The finding for a call with invalid parameters is only "not refused", because AWS does not
    document whether it checks the parameters or the permission first. AccessDenied is conclusive.
    """
    for probe in probes:
        yield _finding(probe, service.call(probe.action, **probe.parameters))


def _finding(probe: Probe, reply: Reply) -> Finding:
    if reply.kind is ReplyKind.NOT_ALLOWED:
        return error(
            probe.check,
            f"{probe.permission} on {probe.resource} is not allowed.",
            f'Allow "{probe.permission}" on {probe.resource} in the policy of the role '
            "(docs/deployment.md).",
        )
    if reply.kind is ReplyKind.DONE:
        return ok(probe.check, f"{probe.permission} is allowed.")
    if reply.code in probe.expected:
        return ok(probe.check, f"{probe.permission} is not refused.")
    if reply.kind is ReplyKind.MISSING:
        return skipped(probe.check, f"{probe.resource} does not exist.")
    return warning(
        probe.check,
        f"{probe.permission} on {probe.resource} cannot be checked: {reply.code}.",
        "Run this again. If the warning persists, see the other findings.",
    )

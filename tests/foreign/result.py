"""The result of `make foreign`. Every value was measured in the runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRun:
    """The result of a run.

    `defects` has the number of defects by kind, including valid events that were quarantined, and
    ready processes that ended by themselves. `drain_seconds` is the time after the load until
    nothing waited.
    """

    sqs: str
    dynamodb: str
    pool_mode: str
    events: int
    kills: int
    defects: Mapping[str, int]
    drain_seconds: float

    @property
    def is_clean(self) -> bool:
        """Whether there was no defect of any kind."""
        return not any(self.defects.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """A documented behaviour, and whether each server has it.

    `documented` describes the behaviour in our words. `source` is the page of AWS's documentation.
    `servers` has the result of the check by the name of the server.
    """

    documented: str
    source: str
    servers: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All runs of one command, and the checked behaviours of the servers.

    `unavailable` has the reason for each server that could not be run.
    """

    command: str
    commit: str
    seed: int
    python: str
    cores: int
    versions: Mapping[str, str]
    unavailable: Mapping[str, str]
    runs: Sequence[ForeignRun]
    behaviours: Sequence[Behaviour]

    def as_json(self) -> str:
        """Return the result as JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"

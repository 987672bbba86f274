"""What a subject has asked of the servers."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Calls by action, DynamoDB's capacity units, and SQL statements."""

    sqs: Mapping[str, int]
    dynamodb: Mapping[str, int]
    write_units: int
    read_units: float
    sql: int

    def since(self, before: "Counts") -> "Counts":
        """What was added to `before`."""
        return Counts(
            sqs=_added(self.sqs, before.sqs),
            dynamodb=_added(self.dynamodb, before.dynamodb),
            write_units=self.write_units - before.write_units,
            read_units=self.read_units - before.read_units,
            sql=self.sql - before.sql,
        )


NOTHING = Counts(sqs={}, dynamodb={}, write_units=0, read_units=0.0, sql=0)


def _added(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    added = {action: number - before.get(action, 0) for action, number in after.items()}
    return {action: number for action, number in sorted(added.items()) if number}

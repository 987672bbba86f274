"""The status as JSON, for programs."""

import json
from dataclasses import asdict
from typing import Any

from operations.status.lines import Report


def document(report: Report) -> dict[str, Any]:
    """Return the report with stable names. The names of numbers contain their units."""
    return {
        "state": report.state,
        "read_at": report.read_at.isoformat(),
        "read_within_seconds": round(report.seconds, 2),
        "lines": [asdict(line) for line in report.lines],
    }


def as_json(report: Report) -> str:
    """Return the report as a JSON text."""
    return json.dumps(document(report), indent=2)

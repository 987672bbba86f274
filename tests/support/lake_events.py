"""Events for the data lake, as the service writes them."""

from collections.abc import Sequence
from uuid import UUID

from apps.analytics.datalake import LakeEvent


def lake_event(
    number: int = 1, *, value: str | None = None, date: str = "2026-11-23T12:00:00.123456+00:00"
) -> LakeEvent:
    """Return an answer whose conversation is in progress. Its id is `event_id(number)`."""
    return {
        "event_id": event_id(number),
        "event_name": "weni_nexus_data",
        "date": date,
        "project": "5f0c2f3a-6b1d-4a57-9c39-0e6a1d2b7c41",
        "contact_urn": "telegram:1001",
        "key": "weni_csat",
        "value_type": "string",
        "value": str(number) if value is None else value,
        "metadata": {
            "conversation_uuid": "0c7f7c1e-54a3-4a39-9a2e-6f0f5f1a2b01",
            "conversation_start_date": "2026-11-23T11:00:00+00:00",
            "conversation_end_date": None,
            "agent_uuid": "0e6f5c1a-6f0c-4f0b-9d55-3f3a8c1b7d01",
        },
    }


def event_id(number: int) -> str:
    """Return the id of the event with this number."""
    return str(UUID(int=number))


def values(events: Sequence[LakeEvent]) -> list[str]:
    """Return the values of events. Tests give each event a different value."""
    return [event["value"] for event in events]

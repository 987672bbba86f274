"""The contact of a conversation."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact of a project on a channel, with at most one conversation in progress."""

    project_uuid: UUID
    channel_uuid: UUID
    urn: str

    def __repr__(self) -> str:
        return f"Contact(project_uuid={self.project_uuid}, channel_uuid={self.channel_uuid})"

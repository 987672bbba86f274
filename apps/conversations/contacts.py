"""The contact of a conversation."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.common.compiled_queries import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact of a project on a channel, with at most one conversation in progress."""

    project_uuid: UUID
    channel_uuid: UUID
    urn: str

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the values of the parameters in OF_CONTACT."""
        return {"project": self.project_uuid, "channel": self.channel_uuid, "urn": self.urn}

    def __repr__(self) -> str:
        return f"Contact(project_uuid={self.project_uuid}, channel_uuid={self.channel_uuid})"


# The filter of a compiled query for the rows of a contact.
OF_CONTACT = {
    "project_id": Parameter("project"),
    "channel_uuid": Parameter("channel"),
    "contact_urn": Parameter("urn"),
}

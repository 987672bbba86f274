"""The facts about a conversation that operators see, without its contact and its messages."""

from zoneinfo import ZoneInfo

from apps.conversations.models import Conversation, Resolution
from apps.messages.archive_parts import merged_places
from apps.messages.transcript import unarchived
from operations.management.command_line import format_time


def describe_state(conversation: Conversation) -> str:
    """Return the state as the predicate of a sentence, such as "is in progress"."""
    label = _label(conversation.resolution)
    if conversation.resolution == Resolution.IN_PROGRESS:
        return f"is in progress, and closes at {format_time(conversation.closes_at)}"
    archive = "archived" if conversation.archived_at else "being archived"
    return f"was closed as {label} at {format_time(conversation.ended_at)}, and is {archive}"


def facts(conversation: Conversation) -> dict[str, object]:
    """Return the facts about a conversation, by the names that are printed."""
    project = conversation.project
    batches = unarchived(conversation, known=merged_places(conversation.uuid))
    stored = sum(len(batch.versions) for batch in batches)
    local = conversation.closes_at.astimezone(ZoneInfo(project.timezone))
    return {
        "conversation": conversation.uuid,
        "project": f"{project.uuid} {project.name}".strip(),
        "channel": conversation.channel_uuid,
        "resolution": _label(conversation.resolution),
        "started at": format_time(conversation.started_at),
        "opened at": format_time(conversation.opened_at),
        "closes at": f"{format_time(conversation.closes_at)}, "
        f"{local.isoformat(timespec='seconds')} in {project.timezone}",
        "postponed from": format_time(conversation.postponed_from),
        "ended at": format_time(conversation.ended_at),
        "first message at": format_time(conversation.first_message_at),
        "last message at": format_time(conversation.last_message_at),
        "human took over": "yes" if conversation.has_chats_room else "no",
        "window id": conversation.external_id or "-",
        "window starts at": format_time(conversation.window_start),
        "window ends at": format_time(conversation.window_end),
        "ticket": conversation.ticket_uuid or "-",
        "agent": conversation.agent_uuid or "-",
        "CSAT": _score(conversation.csat),
        "NPS": _score(conversation.nps),
        "messages": f"{conversation.message_count} archived, {stored} only in DynamoDB",
        "archived at": format_time(conversation.archived_at),
        "next archiving at": format_time(conversation.archive_check_at),
        "requested": _requested(conversation),
        "next due at": format_time(conversation.due_at),
        "claimed at": format_time(conversation.close_requested_at),
    }


def _requested(conversation: Conversation) -> str:
    match conversation.requested_resolution:
        case None:
            return "nothing"
        case Resolution.IN_PROGRESS:
            return "reopen"
        case resolution:
            return f"close as {_label(resolution)}"


def _label(resolution: int) -> str:
    return Resolution(resolution).label.lower()


def _score(score: int | None) -> str:
    return "-" if score is None else str(score)

"""The rows that the figures count: which tables they are in, when they count, and their columns.

`sources` adds them up, and `lists` lists those that a figure counts.
"""

from dataclasses import dataclass

from apps.conversations.scores import CSAT_KEY, NPS_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a table, which is named `item` in all expressions.

    `at` is the column of the time at which a row counts, and `key` the one by which lists identify
    it. `columns` are those that the figures read, and `where` selects the rows that count; all do
    if it is empty. `ids` is the condition that selects rows by their ids.
    """

    table: str
    at: str
    key: str
    columns: str
    where: str = ""
    ids: str


CLOSING_COLUMNS = """
    item.channel_uuid, item.resolution, item.written_at, item.csat, item.nps, item.archived_at,
    item.first_message_at, item.last_message_at, item.message_count, item.messages_before_reopening
"""
OPENED = Rows(
    table="conversations_conversation",
    at="opened_at",
    key="uuid",
    columns="item.channel_uuid, item.written_at, item.first_sent_at",
    ids="item.uuid = ANY(%(conversations)s::uuid[])",
)
CLOSED = Rows(
    table="conversations_conversation",
    at="ended_at",
    key="uuid",
    columns=f"item.opened_at, {CLOSING_COLUMNS}",
    ids="item.uuid = ANY(%(conversations)s::uuid[])",
)
# Reopening a conversation moves its closing to this table.
CLOSED_EARLIER = Rows(
    table="conversations_earlierclosing",
    at="ended_at",
    key="conversation_id",
    columns=f"item.conversation_id, {CLOSING_COLUMNS}",
    ids="item.conversation_id = ANY(%(conversations)s::uuid[])",
)
ANSWERED = Rows(
    table="analytics_surveyanswer",
    at="answered_at",
    key="id",
    columns="item.channel_uuid, item.key, item.score",
    where=(
        "NOT item.is_replaced AND item.score IS NOT NULL"
        f" AND item.key IN ('{CSAT_KEY}', '{NPS_KEY}')"
    ),
    ids=(
        "(item.conversation_id = ANY(%(conversations)s::uuid[])"
        " OR item.id = ANY(%(answers)s::bigint[]))"
    ),
)

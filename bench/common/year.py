"""A year of conversations of many projects, with their survey answers, as SQL statements."""

from collections.abc import Mapping
from datetime import date
from typing import Any

PROJECTS = 200
CHANNELS = 3
ZONES = (
    "America/Sao_Paulo",
    "America/Mexico_City",
    "America/New_York",
    "Europe/Lisbon",
    "Asia/Kolkata",
    "Asia/Tokyo",
)
# One in 10 conversations has an NPS answer, three in 10 have a CSAT answer.
_NPS_EVERY = 10

_PROJECTS = """
INSERT INTO conversations_project (uuid, name, timezone, closing_time)
SELECT md5('project ' || n)::uuid, 'Project ' || n,
    (%(zones)s::text[])[1 + n %% cardinality(%(zones)s::text[])], '00:00'
FROM generate_series(0, %(projects)s - 1) AS n
"""
# Rows are inserted in the order of time, as in production. The fourth power puts about a quarter of
# the conversations into the largest project. Those opened on the last day are in progress.
_CONVERSATIONS = """
WITH drawn AS (
    SELECT n, floor(%(projects)s * random() ^ 4)::int AS project,
        floor(%(channels)s * random())::int AS channel,
        %(first)s::timestamptz + n * (%(until)s::timestamptz - %(first)s::timestamptz)
            / %(conversations)s AS opened_at,
        interval '1 day' * random() AS open_for, interval '1 hour' * random() AS lasted,
        random() AS ending, 1 + floor(40 * random() ^ 2)::int AS messages
    FROM generate_series(0, %(conversations)s - 1) AS n
), lived AS (
    SELECT *, opened_at < %(until)s::timestamptz - interval '1 day' AS closed FROM drawn
)
INSERT INTO conversations_conversation (
    uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id, started_at,
    opened_at, closes_at, due_at, ended_at, resolution, has_chats_room, csat, nps,
    first_message_at, last_message_at, message_count, archived_at, written_at, first_sent_at
)
SELECT md5('conversation ' || n)::uuid, md5('project ' || project)::uuid,
    md5('channel ' || project || ' ' || channel)::uuid, 'whatsapp:' || 5511900000000 + n,
    'Contact ' || n, md5('group ' || n), '', opened_at, opened_at, opened_at + open_for,
    CASE WHEN NOT closed THEN opened_at + open_for END,
    CASE WHEN closed THEN opened_at + open_for END,
    CASE WHEN NOT closed THEN 2 WHEN ending < 0.2 THEN 0 WHEN ending < 0.25 THEN 1
        WHEN ending < 0.3 THEN 4 ELSE 3 END,
    closed AND ending BETWEEN 0.25 AND 0.3,
    CASE WHEN n %% %(nps_every)s < 3 THEN 1 + floor(5 * random()) END,
    CASE WHEN n %% %(nps_every)s = 0 THEN floor(11 * random()) END,
    CASE WHEN closed THEN opened_at END, CASE WHEN closed THEN opened_at + lasted END,
    CASE WHEN closed THEN messages ELSE 0 END,
    CASE WHEN closed THEN opened_at + open_for + interval '1 minute' END,
    CASE WHEN n %% 5 > 0 THEN opened_at END,
    CASE WHEN closed THEN opened_at + lasted * random() END
FROM lived ORDER BY n
"""
_ANSWERS = """
INSERT INTO analytics_surveyanswer (
    project_id, channel_uuid, contact_urn, message_id, conversation_id, key, value, score,
    answered_at, is_replaced, sequence_number, group_id, identity, correlation_id
)
SELECT project_id, channel_uuid, contact_urn, key, uuid, key, score::text, score,
    coalesce(last_message_at, opened_at), false, 1, group_id, key, ''
FROM conversations_conversation
CROSS JOIN LATERAL (VALUES ('weni_csat', csat), ('weni_nps', nps)) AS answer (key, score)
WHERE score IS NOT NULL ORDER BY opened_at
"""
YEAR = (_PROJECTS, _CONVERSATIONS, _ANSWERS)


def parameters_of_year(*, conversations: int, first: date, until: date) -> Mapping[str, Any]:
    """Return the parameters of the statements in YEAR, for conversations of this period."""
    return {
        "zones": list(ZONES),
        "projects": PROJECTS,
        "channels": CHANNELS,
        "first": first,
        "until": until,
        "conversations": conversations,
        "nps_every": _NPS_EVERY,
    }

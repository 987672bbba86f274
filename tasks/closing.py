"""Moving the messages of closed conversations, started by a pointer."""

from uuid import UUID

from celery import shared_task
from django.db import close_old_connections

from apps.clock import now
from apps.messages.migration import migrate
from tasks.base import PointerTask
from tasks.sqs_fifo.chain import PointerForm


@shared_task(base=PointerTask, pointer=PointerForm.ONE_UUID)
def migrate_on_close(conversation_uuid: str) -> None:
    """Move what a conversation has in DynamoDB into its archive.

    Safe beside anything: it locks the row, merges, and deletes only what it has read.
    """
    close_old_connections()
    migrate(conversation_uuid=UUID(conversation_uuid), now=now())

"""Whether what every event needs is there."""

from celery import shared_task
from django.db import close_old_connections, connection

from apps.messages import message_table
from tasks.base import PointerTask


@shared_task(base=PointerTask)
def probe() -> None:
    """Raises unless PostgreSQL and DynamoDB answer. No pointer: the queue cannot start it."""
    close_old_connections()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    message_table.ping()

"""The probe that checks whether PostgreSQL and DynamoDB are available."""

from celery import Task, shared_task
from django.db import connection

from apps.common.clock import now
from apps.conversations import probing
from apps.messages import message_table
from tasks.base import PointerTask


@shared_task(base=PointerTask, bind=True)
def probe(task: Task) -> None:
    """Read and write in PostgreSQL and DynamoDB as an event does. Raise an error if that fails.

    It is not a pointer, so a message on the queue cannot start it.
    """
    # Use a new session, because an open one may belong to a server before a failover.
    connection.close()
    worker = str(task.request.hostname or "unnamed")
    probing.probe(worker=worker, now=now())
    message_table.probe(worker=worker, now=now())

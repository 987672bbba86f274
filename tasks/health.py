"""Whether what every event needs is there."""

from celery import Task, shared_task
from django.db import connection

from apps.common.clock import now
from apps.conversations import probing
from apps.messages import message_table
from tasks.base import PointerTask


@shared_task(base=PointerTask, bind=True)
def probe(task: Task) -> None:
    """Do what an event does in PostgreSQL and DynamoDB, writing included; raise if it fails.

    No pointer: the queue cannot start it.
    """
    # A session of its own: one that is open may lead to a server that was failed over since.
    connection.close()
    worker = str(task.request.hostname or "unnamed")
    probing.probe(worker=worker, now=now())
    message_table.probe(worker=worker, now=now())

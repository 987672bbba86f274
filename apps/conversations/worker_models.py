"""The rows that workers write about themselves."""

from django.db import models


class WorkerProbe(models.Model):
    """The last successful probe of PostgreSQL by a worker, which committed this row."""

    worker = models.CharField(primary_key=True, max_length=255)
    probed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.worker


class WorkerHeartbeat(models.Model):
    """The latest sign of life of a worker, by the clock of PostgreSQL.

    `queues` has a report on the consumer of each queue (`celery_sqs_fifo.metrics.ConsumerState`). A
    worker that ends normally deletes its row.
    """

    worker = models.CharField(primary_key=True, max_length=255)
    seen_at = models.DateTimeField()
    queues = models.JSONField()

    class Meta:
        permissions = (("view_status", "Can view the status of the service"),)

    def __str__(self) -> str:
        return self.worker

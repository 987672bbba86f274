"""The daily rollups of the figures, and what is needed to keep them true (ADR 40).

They refer to the models of conversations by name, because `apps.analytics.models` imports this
module.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class DailyRollup(models.Model):
    """What `apps.analytics.figures` measures on one local day of a project and channel.

    The three arrays are the parts (`figures.measures`), in the order of measures and values. A row
    without project and channel is the sum of all rows of its day. Rows `of_deleted` are of what
    retention has deleted: they cannot be computed again. The others equal the rows of conversations
    and answers, unless a mark says that the day has changed since.
    """

    project = models.ForeignKey(
        "conversations.Project",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    channel_uuid = models.UUIDField(null=True)
    day = models.DateField()
    of_deleted = models.BooleanField(default=False)
    measures = ArrayField(models.SmallIntegerField())
    measured_values = ArrayField(models.IntegerField())
    numbers = ArrayField(models.IntegerField())

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("project", "day", "channel_uuid", "of_deleted"), name="rollup_of_day"
            ),
        )
        indexes = (models.Index(fields=("day",), name="rollups_by_day"),)

    def __str__(self) -> str:
        return f"{self.project_id} {self.channel_uuid} {self.day}"


class RollupState(models.Model):
    """How far the rollups of a project go: they have all days before `complete_before`.

    Their days are those of `timezone`. If the project has another one by now, the rollups are not
    used, and are computed again.
    """

    project = models.OneToOneField(
        "conversations.Project", primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    timezone = models.CharField(max_length=64)
    complete_before = models.DateField()

    def __str__(self) -> str:
        return f"{self.project_id} {self.complete_before}"


class RollupWatch(models.Model):
    """From when on changes leave no marks. It has one row.

    Triggers write a mark for each change of what happened before `marked_until`. A transaction that
    began before that was set may have left none. It has ended when no transaction before `fence`, a
    transaction id, is running any more; then `settled_until` is set to the same time.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    marked_until = models.DateTimeField()
    settled_until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return str(self.marked_until)


class RollupMark(models.Model):
    """A time of which something changed after its day may have been rolled up.

    Marks are only inserted, in the transaction of the change, and have no constraint. So they never
    wait for each other.
    """

    project_id = models.UUIDField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.project_id} {self.at}"

"""The customers of the platform, and their settings."""

import uuid
from datetime import time, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common import timezones
from apps.common.durations import MIN_RETENTION


def default_timezone() -> str:
    """Return the time zone of a project that its first event creates."""
    return str(settings.DEFAULT_TIMEZONE)


def default_archive_retention() -> timedelta | None:
    """Return the archive retention of a project that is created on first sight."""
    retention: timedelta | None = settings.DEFAULT_ARCHIVE_RETENTION
    return retention


def validate_timezone(name: str) -> None:
    """Raise ValidationError with the nearest names unless the tz database has this zone."""
    if not timezones.is_known(name):
        raise ValidationError(timezones.unknown_zone_message(name, translate=gettext))


class Project(models.Model):
    """A customer of the platform. Its first event creates it with the default time zone."""

    uuid = models.UUIDField(_("UUID"), primary_key=True, default=uuid.uuid4)
    name = models.CharField(_("name"), max_length=255, blank=True)
    timezone = models.CharField(
        _("time zone"), max_length=64, default=default_timezone, validators=[validate_timezone]
    )
    closing_time = models.TimeField(
        _("closing time"),
        default=time(0, 0),
        help_text=_("Local time at which open conversations close."),
    )
    idle_timeout = models.DurationField(
        _("idle timeout"),
        null=True,
        blank=True,
        help_text=_("Time without a message after which a conversation closes. Empty: never."),
    )
    archive_retention = models.DurationField(
        _("archive retention"),
        null=True,
        blank=True,
        default=default_archive_retention,
        help_text=_("Age after which archived messages are deleted, such as 90d. Empty: never."),
    )
    # When the closing rule changed, until all open conversations have moved to it (see `moving`).
    moving_since = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("project")
        verbose_name_plural = _("projects")
        constraints = (
            models.CheckConstraint(
                condition=Q(archive_retention=None) | Q(archive_retention__gte=MIN_RETENTION),
                name="archive_retention_of_a_day_or_more",
            ),
        )

    def __str__(self) -> str:
        return self.name or str(self.uuid)

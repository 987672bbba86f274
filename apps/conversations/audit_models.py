"""The audit log of what operators did."""

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class AuditAction(models.TextChoices):
    """The actions that the audit log records."""

    ADD = "add", _("added")
    CHANGE = "change", _("changed")
    DELETE = "delete", _("deleted")
    CLOSE = "close", _("asked to close")
    REOPEN = "reopen", _("asked to reopen")
    READ = "read", _("read messages of")
    ERASE = "erase", _("asked to erase")
    RECONCILE = "reconcile", _("reconciled with DynamoDB")
    RETENTION = "retention", _("deleted old data")
    REDRIVE = "redrive", _("asked to redrive")
    DISCARD = "discard", _("discarded")
    EXPORT = "export", _("exported")
    RETRY = "retry", _("sent again")
    RUN = "run", _("ran at once")
    LOGIN = "login", _("logged in as")
    LOGIN_FAILED = "login_failed", _("failed to log in as")


class AuditEntry(models.Model):
    """An action of an operator, with ids, counts and settings but no data of contacts.

    `object_type` is the kind of the object and `object_id` its primary key. The id of an erased
    contact is the contact's hash.
    """

    at = models.DateTimeField(_("at"))
    actor = models.CharField(
        _("actor"), max_length=255, help_text=_("User name in the admin site, or user@host.")
    )
    source = models.CharField(
        _("source"),
        max_length=16,
        choices=(("admin", _("admin site")), ("command", _("command line"))),
    )
    action = models.CharField(_("action"), max_length=16, choices=AuditAction.choices)
    object_type = models.CharField(_("object type"), max_length=64)
    object_id = models.CharField(_("object ID"), max_length=255)
    detail = models.JSONField(_("detail"), default=dict, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = (
            models.Index(fields=("at",), name="audit_by_time"),
            models.Index(fields=("actor", "at"), name="audit_by_actor"),
            models.Index(fields=("action", "at"), name="audit_by_action"),
            models.Index(fields=("object_id", "at"), name="audit_by_object"),
        )

    def __str__(self) -> str:
        return f"{self.actor} {self.get_action_display()} {self.object_in_words} {self.object_id}"

    @property
    def object_in_words(self) -> str:
        """Return the kind of the object, which is stored in English, in the user's language."""
        return gettext(self.object_type)

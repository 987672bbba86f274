"""The requests to erase contacts, and what is kept of them."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.conversations.project_models import Project
from apps.conversations.span_models import sequence_number_field


class Erasure(models.Model):
    """A request to erase a contact and, once it is done, the tombstone of the contact.

    A pending erasure names the contact, and the message groups through which its pointers go. A
    tombstone keeps only hashes. The three `mark_` fields are the place of the pointer that carried
    out the erasure: events of the contact that were queued before it have no effect. Until
    `search_at` a tombstone also keeps the uuids of the erased conversations, for which DynamoDB is
    then searched again.
    """

    uuid = models.UUIDField(_("UUID"), primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="erasures", verbose_name=_("project")
    )
    contact_hash = models.CharField(max_length=64)
    contact_urn = models.TextField(blank=True, help_text="Empty after the erasure.")
    group_ids = ArrayField(
        models.CharField(max_length=128),
        default=list,
        blank=True,
        help_text="Empty after the erasure, because they name the contact.",
    )
    group_hashes = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    requested_at = models.DateTimeField(_("requested at"))
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True)
    mark_at = models.DateTimeField(null=True, blank=True)
    mark_sequence = sequence_number_field(null=True, blank=True)
    mark_group_hash = models.CharField(max_length=64, blank=True)
    removed = models.JSONField(_("removed"), default=dict, blank=True)
    conversation_uuids = ArrayField(models.UUIDField(), default=list, db_default=[], blank=True)
    search_at = models.DateTimeField(
        _("search at"), null=True, blank=True, help_text=_("When DynamoDB is searched once more.")
    )

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        constraints = (
            models.UniqueConstraint(
                fields=("project", "contact_hash"),
                condition=Q(erased_at=None),
                name="one_pending_erasure_per_contact",
            ),
        )
        indexes = (
            models.Index(fields=("project", "contact_hash"), name="erasures_of_contact"),
            models.Index(fields=("requested_at",), name="erasures_by_time"),
            models.Index("search_at", condition=~Q(search_at=None), name="erasure_search_due"),
            GinIndex(fields=("group_hashes",), name="erasures_of_group"),
        )

    def __str__(self) -> str:
        return str(self.uuid)

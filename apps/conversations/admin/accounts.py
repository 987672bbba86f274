"""Users and groups in the admin site, with changes recorded in the audit log."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from apps.conversations.admin.base import Audited

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class AuditedUserAdmin(Audited, UserAdmin):
    """Users, with changes recorded in the audit log."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields, without the password for users who may not change it.

        Django shows a link to the form of the password with it, to everybody.
        """
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (
                title,
                {**options, "fields": [name for name in options["fields"] if name != "password"]},
            )
            for title, options in fieldsets
        ]


@admin.register(Group)
class AuditedGroupAdmin(Audited, GroupAdmin):
    """Groups of users, with changes recorded in the audit log."""

"""Users and groups in the admin site, with changes recorded in the audit log."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from apps.conversations.admin.base import Audited

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class AuditedUserAdmin(Audited, UserAdmin):
    """Users, with changes recorded in the audit log."""


@admin.register(Group)
class AuditedGroupAdmin(Audited, GroupAdmin):
    """Groups of users, with changes recorded in the audit log."""

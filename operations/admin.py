"""The admin classes of this app. Django imports the module `admin` of each app."""

from django.contrib import admin

from operations import schedule_admin

# The first page with the status, for staff who may see it. It extends the console's.
admin.site.index_template = "status/admin_index.html"

__all__ = ("schedule_admin",)

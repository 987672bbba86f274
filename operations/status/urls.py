"""The URL of the page with the status."""

from django.contrib import admin
from django.urls import path

from apps.common.console_access import admin_page
from operations.status.page import MAY_SEE_STATUS, show_status

urlpatterns = [
    path("", admin_page(show_status, site=admin.site, permissions=[MAY_SEE_STATUS]), name="status")
]

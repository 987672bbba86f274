"""The URLs of the admin site. The service has no other pages and no API."""

from django.contrib import admin
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView
from django.views.i18n import set_language

admin.site.site_header = admin.site.site_title = _("Conversation service")

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/status/", include("operations.status.urls")),
    path("admin/language/", set_language, name="set_language"),
    path("admin/", admin.site.urls),
]

# The pages of errors (https://docs.djangoproject.com/en/5.2/ref/urls/#handler400).
handler400 = "operations.error_pages.bad_request"
handler403 = "operations.error_pages.permission_denied"
handler404 = "operations.error_pages.page_not_found"
handler500 = "operations.error_pages.server_error"

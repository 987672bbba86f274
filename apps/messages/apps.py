from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagesConfig(AppConfig):
    name = "apps.messages"
    # The default label, "messages", is taken by django.contrib.messages.
    label = "conversation_messages"
    verbose_name = _("Messages")
    default_auto_field = "django.db.models.BigAutoField"

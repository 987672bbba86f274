from django.apps import AppConfig


class MessagesConfig(AppConfig):
    name = "apps.messages"
    # The default label, "messages", is taken by django.contrib.messages.
    label = "conversation_messages"
    verbose_name = "Messages"
    default_auto_field = "django.db.models.BigAutoField"

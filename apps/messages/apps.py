from django.apps import AppConfig


class MessagesConfig(AppConfig):
    name = "apps.messages"
    # Django's own messages app has the label that this one would get.
    label = "conversation_messages"
    verbose_name = "Messages"
    default_auto_field = "django.db.models.BigAutoField"

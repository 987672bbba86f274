"""The admin site's pages for conversations, archives, dead letters and problems of producers."""

from apps.messages.admin import archives, conversations, dead_letters, producer_problems

__all__ = ("archives", "conversations", "dead_letters", "producer_problems")

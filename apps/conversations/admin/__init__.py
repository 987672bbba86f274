"""The admin site's pages for projects, conversations, erasures, accounts and the audit log."""

from apps.conversations.admin import audit, conversations

__all__ = ("audit", "conversations")

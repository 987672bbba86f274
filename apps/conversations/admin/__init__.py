"""The admin site's pages for projects, conversations, erasures, accounts and the audit log."""

from apps.conversations.admin import accounts, audit, conversations, erasures, projects

__all__ = ("accounts", "audit", "conversations", "erasures", "projects")

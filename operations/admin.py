"""The admin classes of this app. Django imports the module `admin` of each app."""

from operations import schedule_admin

__all__ = ("schedule_admin",)

"""What the admin site shows of this app: Django imports the module `admin` of each."""

from operations import schedule_admin

__all__ = ("schedule_admin",)

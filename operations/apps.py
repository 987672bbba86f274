from django.apps import AppConfig
from django.db.models.signals import pre_migrate

from apps.common.database_waits import lift_limits


class OperationsConfig(AppConfig):
    name = "operations"

    def ready(self) -> None:
        """Connect the receivers of signals."""
        # Creating an index may take hours.
        pre_migrate.connect(lift_limits)
        # It imports models, which are not loaded before.
        from operations import logins  # noqa: F401

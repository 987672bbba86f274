from django.apps import AppConfig
from django.db.models.signals import pre_migrate

from apps.common.database_waits import lift_limits


class OperationsConfig(AppConfig):
    name = "operations"

    def ready(self) -> None:
        """Lift the client-side time limits during `migrate`: creating an index may take hours."""
        pre_migrate.connect(lift_limits)

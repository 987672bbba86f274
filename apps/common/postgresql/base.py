"""Django's backend for PostgreSQL, with a login that is looked up for each new connection.

Django finds the class by its name. Without a LOGIN in its settings, it is Django's own backend.
"""

from collections.abc import Iterable
from typing import Any

import psycopg2
from django.db.backends.postgresql import base, client

from apps.common.postgresql.logins import LoginSource


class DatabaseClient(client.DatabaseClient):
    """The client of `manage.py dbshell`, with the same login."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """Return the arguments and the variables of psql. Raise NoLogin."""
        source: LoginSource | None = settings_dict.get("LOGIN")
        login = {name.upper(): value for name, value in source.current().items()} if source else {}
        return super().settings_to_cmd_args_env(settings_dict | login, parameters)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose user and password come from the source LOGIN of its settings, if any."""

    client_class = DatabaseClient

    @property
    def _login(self) -> LoginSource | None:
        source: LoginSource | None = self.settings_dict.get("LOGIN")
        return source

    def get_connection_params(self) -> dict[str, Any]:
        """Return the parameters of a new connection. Raise NoLogin if there is no login."""
        parameters: dict[str, Any] = super().get_connection_params()
        return parameters | self._login.current() if self._login else parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect. If that fails and the source has another login by now, connect with it.

        Any failure counts: psycopg2 has no SQLSTATE for a refused login, and the server may
        describe it in any language.
        """
        try:
            return super().get_new_connection(conn_params)
        except psycopg2.OperationalError:
            newer = self._login.newer_than(conn_params) if self._login else None
            if newer is None:
                raise
        return super().get_new_connection(conn_params | newer)

"""Credentials that a thread refreshes, so that signing a request never waits for them."""

import logging
from threading import Event, Thread
from typing import Any

from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError

from celery_sqs_fifo.errors import error_location

logger = logging.getLogger(__name__)

# botocore replaces credentials in their last 15 minutes, and waits for new ones in their last 10.
REFRESH_EVERY = 30.0
FIRST_WITHIN = 5.0


class CurrentCredentials:
    """The newest credentials from `source`, which are the botocore credentials of a client.

    If it can refresh them, a thread asks it ahead of time. While that takes long or fails, those
    that are there stay in use.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._newest: ReadOnlyCredentials | None = None
        self._asked_once = Event()
        self._stopped = Event()
        if isinstance(source, RefreshableCredentials):
            Thread(target=self._refresh, name="sqs-credentials", daemon=True).start()
            self._asked_once.wait(FIRST_WITHIN)
        elif source is not None:
            self._newest = source.get_frozen_credentials()

    def get(self) -> ReadOnlyCredentials:
        """Return the newest credentials. Raise NoCredentialsError if there are none yet."""
        if self._newest is None:
            raise NoCredentialsError
        return self._newest

    def stop(self) -> None:
        """Stop refreshing them."""
        self._stopped.set()

    def _refresh(self) -> None:
        failed = False
        while not self._stopped.is_set():
            try:
                self._newest = self._source.get_frozen_credentials()
                failed = False
            except Exception as error:
                if not failed:
                    logger.warning(
                        "credentials_refresh_failed", extra={"error": error_location(error)}
                    )
                failed = True
            self._asked_once.set()
            self._stopped.wait(REFRESH_EVERY)

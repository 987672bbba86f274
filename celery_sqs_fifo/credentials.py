"""Credentials that a thread refreshes, so that signing a request never waits for them."""

import logging
from threading import Event, Thread
from typing import Any

from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError

from celery_sqs_fifo.errors import error_location

logger = logging.getLogger(__name__)

# In seconds. botocore refreshes credentials that expire within 15 minutes. If they expire within
# 10 minutes, it blocks until the refresh ends.
REFRESH_EVERY = 30.0
FIRST_WITHIN = 5.0


class CurrentCredentials:
    """The newest credentials from `source`, the botocore credentials of a client.

    If the source is refreshable, a thread refreshes it ahead of time. The previous credentials
    stay in use while a refresh hangs or fails. `expire_at` is when the newest credentials expire,
    in seconds since 1970, or None if they do not expire.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._newest: ReadOnlyCredentials | None = None
        self.expire_at: float | None = None
        self._asked_once = Event()
        self._stopped = Event()
        if isinstance(source, RefreshableCredentials):
            Thread(target=self._refresh, name="sqs-credentials", daemon=True).start()
            self._asked_once.wait(FIRST_WITHIN)
        elif source is not None:
            self._newest = source.get_frozen_credentials()

    def get(self) -> ReadOnlyCredentials:
        """Return the newest credentials. Raise NoCredentialsError if none are available yet."""
        if self._newest is None:
            raise NoCredentialsError
        return self._newest

    def stop(self) -> None:
        """Stop refreshing the credentials."""
        self._stopped.set()

    def _refresh(self) -> None:
        failed = False
        while not self._stopped.is_set():
            try:
                self._newest = self._source.get_frozen_credentials()
                expiry = self._source._expiry_time
                self.expire_at = expiry.timestamp() if expiry else None
                failed = False
            except Exception as error:
                if not failed:
                    logger.warning(
                        "credentials_refresh_failed", extra={"error": error_location(error)}
                    )
                failed = True
            self._asked_once.set()
            self._stopped.wait(REFRESH_EVERY)

"""Credentials that a thread refreshes, so that signing a request never waits for them."""

import logging
from functools import cached_property
from threading import Event, Thread
from typing import Any

import botocore.session
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError

from celery_sqs_fifo.errors import error_location

logger = logging.getLogger(__name__)

# In seconds. botocore refreshes credentials that expire within 15 minutes. If they expire within
# 10 minutes, it blocks until the refresh ends.
REFRESH_EVERY = 30.0
FIRST_WITHIN = 5.0


class NewestCredentials(Credentials):
    """The newest credentials from `source`, the botocore credentials of a session.

    If the source is refreshable, a thread refreshes it ahead of time. The previous credentials
    stay in use while a refresh hangs or fails. `expire_at` is when the newest credentials expire,
    in seconds since 1970, or None if they do not expire.
    """

    def __init__(self, source: Any) -> None:
        super().__init__(access_key="", secret_key="", method=source.method)
        self._source = source
        self._newest: ReadOnlyCredentials | None = None
        self.expire_at: float | None = None
        self._asked_once = Event()
        self._stopped = Event()
        if isinstance(source, RefreshableCredentials):
            Thread(target=self._refresh, name="sqs-credentials", daemon=True).start()
            self._asked_once.wait(FIRST_WITHIN)
        else:
            self._newest = source.get_frozen_credentials()

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
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


class BackgroundSession(botocore.session.Session):
    """A session that refreshes its credentials in a thread.

    botocore would refresh them in the call that finds them nearly expired. That call would wait
    for STS, and so would the next ones, although the credentials are still valid. A forked process
    needs a session of its own, because it does not inherit its parent's threads.
    """

    @property
    def source(self) -> Any:
        """Return the credentials as botocore finds them, or None. Raise botocore's errors."""
        return super().get_credentials()

    @cached_property
    def _newest(self) -> NewestCredentials | None:
        source = self.source
        return NewestCredentials(source) if source else None

    def get_credentials(self) -> Any:
        """Return the credentials that clients sign with, or None. Raise botocore's errors."""
        return self._newest

"""The boto3 session of this process, whose calls do not wait while credentials are refreshed."""

import os
from functools import cache, cached_property
from typing import Any

import boto3
import botocore.session
from botocore.credentials import Credentials, ReadOnlyCredentials

from celery_sqs_fifo.credentials import CurrentCredentials


class NewestCredentials(Credentials):
    """Credentials that are replaced in the background, while calls use the previous ones."""

    def __init__(self, source: Any) -> None:
        super().__init__(access_key="", secret_key="", method=source.method)
        self._current = CurrentCredentials(source)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the newest credentials. Raise NoCredentialsError if none are available yet."""
        return self._current.get()

    def stop(self) -> None:
        """Stop refreshing the credentials."""
        self._current.stop()


class BackgroundSession(botocore.session.Session):
    """A session that refreshes its credentials in a thread.

    botocore would refresh them in the call that finds them nearly expired. That call would wait
    for STS, and so would the next ones, although the credentials are still valid.
    """

    @property
    def source(self) -> Any:
        """Return the credentials as botocore finds them, or None. Raise botocore's errors."""
        return super().get_credentials()

    @cached_property
    def _newest(self) -> NewestCredentials | None:
        return NewestCredentials(self.source) if self.source else None

    def get_credentials(self) -> Any:
        """Return the credentials that clients sign with, or None. Raise botocore's errors."""
        return self._newest


def session() -> boto3.Session:
    """Return this process's session."""
    return _session_of_process(os.getpid())


def credentials_source() -> Any:
    """Return the credentials of this process's session, as botocore finds them, or None.

    Raise botocore's errors.
    """
    return _source_of_process(os.getpid()).source


@cache
def _source_of_process(_process_id: int) -> BackgroundSession:
    return BackgroundSession()


@cache
def _session_of_process(process_id: int) -> boto3.Session:
    """Return the session of a process. A forked process does not inherit its parent's threads."""
    return boto3.Session(botocore_session=_source_of_process(process_id))

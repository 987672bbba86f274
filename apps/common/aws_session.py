"""The boto3 session of this process, whose calls do not wait while credentials are refreshed."""

import os
from functools import cache
from typing import Any

import boto3

from celery_sqs_fifo.credentials import BackgroundSession


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
    return boto3.Session(botocore_session=_source_of_process(process_id))

"""The findings of `manage.py doctor` about its AWS credentials."""

import time
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ConfigParseError

from apps.common import aws_session
from operations.doctor import credentials, queues
from operations.doctor.findings import Finding, Status


def finding() -> Finding:
    """Return the only finding."""
    (only,) = credentials.check()
    return only


def share(monkeypatch: pytest.MonkeyPatch, get: Any) -> None:
    """Make the process get its credentials from this function."""
    monkeypatch.setattr(aws_session, "credentials_source", get)


def expiring(*, minutes: float) -> RefreshableCredentials:
    """Return credentials that expire at this time and cannot be renewed."""

    def refresh() -> dict[str, str]:
        raise OSError("no STS")

    metadata = {"access_key": "key", "secret_key": "secret", "token": "token"}
    expires = datetime.now(UTC) + timedelta(minutes=minutes)
    return RefreshableCredentials.create_from_metadata(
        {**metadata, "expiry_time": expires.isoformat()},
        refresh_using=refresh,
        method="assume-role",
    )


def test_credentials_that_do_not_expire_are_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    share(monkeypatch, lambda: Credentials("key", "secret", method="env"))

    assert finding().status is Status.OK
    assert finding().found == "Found (env). They do not expire."


def test_credentials_that_expire_in_an_hour_are_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    share(monkeypatch, lambda: expiring(minutes=60.1))

    assert finding().status is Status.OK
    assert "They expire in 1h" in finding().found


def test_credentials_that_expire_and_are_not_renewed_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # botocore fails only if credentials that it cannot renew expire within ten minutes.
    share(monkeypatch, lambda: expiring(minutes=9))
    assert finding().status is Status.ERROR
    assert "OSError" in finding().found

    share(monkeypatch, lambda: expiring(minutes=12))
    monkeypatch.setattr(credentials, "MIN_LIFE", timedelta(minutes=15))
    assert finding().status is Status.WARNING
    assert "expire in 1" in finding().found


def test_wrong_aws_settings_are_found_with_what_to_correct(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise ConfigParseError(path="/home/ana/.aws/config")

    share(monkeypatch, refuse)

    assert finding().status is Status.ERROR
    assert "Unable to parse config file: /home/ana/.aws/config." in finding().found


def test_missing_credentials_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    share(monkeypatch, lambda: None)

    assert finding().status is Status.ERROR
    assert "none were found" in finding().found


def test_an_sts_that_hangs_delays_the_doctor_once(monkeypatch: pytest.MonkeyPatch) -> None:
    may_answer = Event()
    share(monkeypatch, may_answer.wait)
    monkeypatch.setattr(credentials, "MAX_WAIT", 0.3)
    started = time.monotonic()
    try:
        assert finding().status is Status.ERROR
        assert "no answer within" in finding().found
        findings = {each.check: each for each in queues.check()}
        assert time.monotonic() - started < 2
    finally:
        may_answer.set()

    assert findings["sqs.queue"].status is Status.ERROR
    assert "there are no credentials (no answer" in findings["sqs.queue"].found
    assert "aws sts get-caller-identity" in findings["sqs.queue"].remedy

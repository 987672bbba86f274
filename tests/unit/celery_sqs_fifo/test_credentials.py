"""A thread refreshes credentials. The earlier ones are used until it has new ones."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError

from celery_sqs_fifo import credentials as module
from celery_sqs_fifo.credentials import NewestCredentials


class Source:
    """A source of credentials that are refreshed at each request. A test can block the refresh."""

    def __init__(self) -> None:
        self.given = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = threading.Event()
        self.error: Exception | None = None
        self.credentials = RefreshableCredentials.create_from_metadata(
            self._metadata(), refresh_using=self._refresh, method="test"
        )

    def _refresh(self) -> dict[str, str]:
        self.asked.set()
        self.may_answer.wait(10)
        if self.error:
            raise self.error
        self.given += 1
        return self._metadata()

    def _metadata(self) -> dict[str, str]:
        expires = datetime.now(UTC) + timedelta(minutes=5)
        return {
            "access_key": f"key {self.given}",
            "secret_key": "s",
            "token": "t",
            "expiry_time": expires.isoformat(),
        }


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    monkeypatch.setattr(module, "REFRESH_EVERY", 0.01)
    monkeypatch.setattr(module, "FIRST_WITHIN", 0.2)
    source = Source()
    yield source
    source.may_answer.set()


def test_credentials_that_do_not_change_need_no_thread() -> None:
    threads = threading.active_count()
    current = NewestCredentials(Credentials("key", "secret"))

    assert current.get_frozen_credentials().access_key == "key"
    assert threading.active_count() == threads


def test_the_newest_credentials_are_used_while_a_refresh_hangs(source: Source) -> None:
    current = NewestCredentials(source.credentials)
    before = current.get_frozen_credentials().access_key
    source.may_answer.clear()
    source.asked.clear()
    assert source.asked.wait(5)
    given = source.given

    assert current.get_frozen_credentials().access_key in {before, f"key {given}"}
    source.may_answer.set()
    current.stop()


def test_the_expiry_of_the_newest_credentials_is_known(source: Source) -> None:
    current = NewestCredentials(source.credentials)

    left = (current.expire_at or 0.0) - datetime.now(UTC).timestamp()
    assert 0 < left <= timedelta(minutes=5).total_seconds()
    assert NewestCredentials(Credentials("key", "secret")).expire_at is None
    current.stop()


def test_earlier_credentials_are_used_after_a_failed_refresh_which_is_logged_once(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    current = NewestCredentials(source.credentials)
    source.error = OSError("no sts")
    for _ in range(5):
        source.asked.clear()
        assert source.asked.wait(5)

    assert str(current.get_frozen_credentials().access_key).startswith("key ")
    current.stop()
    logged = [one for one in caplog.records if one.name == module.__name__]
    assert [one.message for one in logged] == ["credentials_refresh_failed"]


def test_the_start_waits_a_bounded_time_for_the_first_credentials(source: Source) -> None:
    source.may_answer.clear()
    current = NewestCredentials(source.credentials)

    with pytest.raises(NoCredentialsError):
        current.get_frozen_credentials()
    current.stop()

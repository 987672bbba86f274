"""Logins are recorded, and locked after too many failures."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from apps.conversations.audit_models import AuditEntry
from observability.log_fields import hash_for_logs
from tests.support.builders import NOON
from tests.support.html import Document

pytestmark = pytest.mark.django_db

PASSWORD = "a password of this test"
ADDRESS = "203.0.113.7"
LOCK = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Stop the clock at noon."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def _hashes_are_quick(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def operator() -> User:
    """Return a user who may log in."""
    return User.objects.create_superuser("operator", password=PASSWORD)


def log_in(name: str = "operator", password: str = PASSWORD, *, address: str = ADDRESS) -> Any:
    """Log in with a new browser at this address, behind a proxy on this machine."""
    return Client().post(
        reverse("admin:login"),
        {"username": name, "password": password, "next": reverse("admin:index")},
        secure=True,
        headers={"x-forwarded-for": f"198.51.100.1, {address}"},
    )


def fail(times: int, **options: Any) -> list[int]:
    """Try a wrong password that often. Return the statuses."""
    return [log_in(password="wrong", **options).status_code for _ in range(times)]


def log() -> list[tuple[str, str, str, Any]]:
    """Return the entries of the audit log, the oldest first."""
    rows = AuditEntry.objects.order_by("id")
    return [(one.actor, one.action, one.object_id, one.detail) for one in rows]


def test_the_fifth_wrong_password_locks_the_name_at_this_address(operator: User) -> None:
    assert fail(5) == [200, 200, 200, 200, 429]

    refused = log_in()

    assert refused.status_code == 429
    assert refused["Retry-After"] == "900"
    document = Document(refused.content.decode())
    assert next(document.all("h1")).text == "Too many logins have failed"
    assert "Try again in 15 minutes." in refused.content.decode()


def test_other_names_and_addresses_are_not_locked(operator: User) -> None:
    User.objects.create_superuser("other", password=PASSWORD)
    fail(5)

    assert log_in("other").status_code == 302
    assert log_in(address="203.0.113.8").status_code == 302
    assert log_in(address="2001:db8::1").status_code == 302


def test_a_lock_ends_even_if_somebody_goes_on_trying(
    operator: User, clock: time_machine.Traveller
) -> None:
    fail(5)
    clock.shift(LOCK - timedelta(seconds=1))
    assert fail(1) == [429]
    assert log_in().status_code == 429

    clock.shift(timedelta(seconds=2))

    assert log_in().status_code == 302


def test_a_login_forgets_the_failures_before_it(operator: User) -> None:
    fail(4)
    assert log_in().status_code == 302

    assert fail(4) == [200] * 4


def test_an_address_is_believed_only_from_a_trusted_proxy(
    operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.0/8")

    assert [*fail(4, address="203.0.113.8"), *fail(1, address="203.0.113.9")] == [200] * 4 + [429]


def test_logins_and_failures_are_in_the_audit_log(operator: User) -> None:
    fail(1)
    log_in()
    log_in("nobody")

    address = {"address": hash_for_logs(ADDRESS)}
    assert log() == [
        ("operator", "login_failed", str(operator.pk), {**address, "locks": False}),
        ("operator", "login", str(operator.pk), address),
        ("unknown", "login_failed", hash_for_logs("nobody"), {**address, "locks": False}),
    ]


def test_attempts_during_a_lock_do_not_fill_the_audit_log(operator: User) -> None:
    fail(9)

    assert [detail["locks"] for _, _, _, detail in log()] == [False] * 4 + [True]


def test_log_lines_and_attempts_name_users_and_addresses_by_ids_and_hashes(
    operator: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        fail(6)
        log_in("my-password-by-mistake")
        log_in(address="203.0.113.8")

    records = [vars(one) for one in caplog.records if one.name == "operations.logins"]
    assert [one["msg"] for one in records] == [
        *["login_failed"] * 5,
        "login_refused",
        "login_failed",
        "login_succeeded",
    ]
    assert {one["user_id"] for one in records[:6]} == {str(operator.pk)}
    assert {one["address"] for one in records[:7]} == {hash_for_logs(ADDRESS)}
    for text in ("operator", "by-mistake", "203.0.113"):
        assert text not in str(
            [(one["msg"], one.get("user_id"), one["address"]) for one in records]
        )
    assert set(AccessAttempt.objects.values_list("username", flat=True)) == {
        hash_for_logs("operator"),
        hash_for_logs("my-password-by-mistake"),
    }
    assert not AccessAttempt.objects.filter(post_data__contains="mistake").exists()

"""Logins to the admin site: who logged in or failed to, and locks after too many failures.

django-axes counts the failures and locks a user name at an address (the AXES settings). User names
and addresses appear here only as ids and hashes, except the names of known users in the audit log.
"""

import ipaddress
import logging
import os
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from apps.conversations import audit
from apps.conversations.audit_models import AuditAction
from observability.log_fields import hash_for_logs

UNKNOWN_USER = "unknown"

logger = logging.getLogger(__name__)


def client_address(request: HttpRequest) -> str | None:
    """Return the address of the browser: the last one that a trusted proxy has added.

    As for gunicorn, the proxies in FORWARDED_ALLOW_IPS are trusted, and those that connect to a
    Unix socket, which have no address.
    """
    address = _address(request.META.get("REMOTE_ADDR", ""))
    if address is None or _is_trusted_proxy(address):
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2]
        address = _address(forwarded) or address
    return str(address) if address else None


def hashed_user_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return what django-axes stores instead of a user name, which may be a mistyped password."""
    return hash_for_logs(str((credentials or request.POST).get("username", "")))


@receiver(user_logged_in)
def record_login(request: HttpRequest, user: User, **_signal: Any) -> None:
    """Record that a user logged in."""
    address = _hashed_address(request)
    logger.info("login_succeeded", extra={"user_id": user.pk, "address": address})
    _record(AuditAction.LOGIN, user=user, object_id=user.pk, address=address)


@receiver(user_login_failed)
def record_failure(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_signal: Any
) -> None:
    """Record that a login failed. If the user name is locked at this address, only log it.

    Otherwise a program that tries passwords could fill the audit log.
    """
    if request is None:
        return
    name, address = str(credentials.get("username", "")), _hashed_address(request)
    user = User.objects.filter(username=name).first()
    object_id = str(user.pk) if user else hash_for_logs(name)
    fields = {"user_id": object_id, "address": address}
    # django-axes counts no failures during a lock.
    if getattr(request, "axes_failures_since_start", None) is None:
        logger.warning("login_refused", extra=fields)
        return
    is_locked = bool(getattr(request, "axes_locked_out", False))
    logger.warning("login_failed", extra={**fields, "locks": is_locked})
    _record(
        AuditAction.LOGIN_FAILED, user=user, object_id=object_id, address=address, locks=is_locked
    )


def _record(action: AuditAction, *, user: User | None, object_id: object, **detail: Any) -> None:
    name = user.get_username() if user else UNKNOWN_USER
    actor = audit.Actor(name=name, source="admin")
    audit.record(actor=actor, action=action, of=User, object_id=object_id, **detail)


def _hashed_address(request: HttpRequest) -> str:
    return hash_for_logs(client_address(request) or "")


def _is_trusted_proxy(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    trusted = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1").split(",")
    return any(
        one.strip() == "*" or address in ipaddress.ip_network(one.strip(), strict=False)
        for one in trusted
        if one.strip()
    )


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None

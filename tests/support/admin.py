"""Clients of the admin site for tests, signed in as a staff user."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse


def operator(*permissions: str) -> Client:
    """Return the client of a staff user with these permissions, or with all if none is named."""
    user = User.objects.create_user("operator", is_staff=True, is_superuser=not permissions)
    return signed_in(user, permissions)


def signed_in(user: User, permissions: Iterable[str]) -> Client:
    """Give a user these permissions, and return a signed-in client that simulates TLS."""
    client = Client(headers={"x-forwarded-proto": "https"})
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def listed(client: Client, model: str, **parameters: str) -> list[Any]:
    """Return the objects of a list page, in its order."""
    answer = client.get(reverse(f"admin:{model}_changelist"), parameters, secure=True)
    assert answer.status_code == 200, answer
    return list(answer.context["cl"].result_list)


def act(client: Client, model: str, action: str, *objects: Any) -> list[str]:
    """Run an action on these objects, and return the messages that the page shows."""
    form = {"action": action, "_selected_action": [str(one.pk) for one in objects]}
    answer = client.post(reverse(f"admin:{model}_changelist"), form, secure=True)
    return [str(message) for message in get_messages(answer.wsgi_request)]

"""The client ends every wait for PostgreSQL, even if the peer accepts data but never responds."""

import time
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from django.core.management import call_command
from django.db import connection
from psycopg2 import extensions

from apps.common.database_waits import limit_waits
from embedded.stack import Stack
from testbed.proxy import SwallowingProxy, running_proxy

CONNECTING = 0.6
ANSWER = 0.3


@pytest.fixture(autouse=True)
def _limits() -> Iterator[None]:
    before = extensions.get_wait_callback()
    limit_waits(connecting=CONNECTING, answer=ANSWER)
    yield
    extensions.set_wait_callback(before)


@pytest.fixture
def proxy(stack: Stack) -> Iterator[SwallowingProxy]:
    """Run a proxy to PostgreSQL."""
    with running_proxy(url=stack.database_url) as proxy:
        yield proxy


def test_a_statement_without_an_answer_fails_and_closes_the_connection(
    stack: Stack, proxy: SwallowingProxy
) -> None:
    with closing(psycopg2.connect(proxy.url(stack.database_url))) as session:
        cursor = session.cursor()
        cursor.execute("SELECT 1")
        proxy.lose_connections()
        asked_at = time.monotonic()
        with pytest.raises(psycopg2.OperationalError, match="does not respond"):
            cursor.execute("SELECT 2")

        assert ANSWER <= time.monotonic() - asked_at < 10 * ANSWER
        assert session.closed


def test_a_connection_that_is_never_accepted_fails(stack: Stack, proxy: SwallowingProxy) -> None:
    proxy.swallow()
    asked_at = time.monotonic()
    with pytest.raises(psycopg2.OperationalError, match="does not respond"):
        psycopg2.connect(proxy.url(stack.database_url))

    assert CONNECTING <= time.monotonic() - asked_at < 10 * CONNECTING


def test_a_server_that_sends_rows_may_take_longer_than_the_limit(stack: Stack) -> None:
    with closing(psycopg2.connect(stack.database_url)) as session:
        cursor = session.cursor()
        # Each row is larger than the server's send buffer of 8 kB.
        cursor.execute("SELECT repeat('x', 20000), pg_sleep(0.1) FROM generate_series(1, 8)")
        assert len(cursor.fetchall()) == 8


@pytest.mark.django_db(transaction=True)
def test_migrate_has_no_time_limit() -> None:
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [2 * ANSWER])
    assert extensions.get_wait_callback() is None

"""Connections to the control broker, and what is said about them."""

import logging
import ssl
from typing import Any
from urllib.parse import urlsplit

from celery.exceptions import ImproperlyConfigured
from kombu.connection import Connection
from kombu.messaging import Producer

# Named here, and not found by kombu at the first connection: each pool process would import it.
from kombu.transport.redis import Transport
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# What talking to the broker may raise; a broker that does not answer counts as one that is down.
BROKER_ERRORS = (RedisError, OSError)
# In seconds. Nothing that handles events ever waits for these.
CONNECT_TIMEOUT = 2.0
ANSWER_TIMEOUT = 2.0
HEALTH_CHECK_EVERY = 10.0


class NoControlBroker(ImproperlyConfigured):
    """Remote control or events were asked for, and there is no broker for them."""


def control_connection(url: str) -> Connection:
    """A connection that is not open yet. With `rediss://` the server's certificate is verified.

    A private authority's certificate is found through SSL_CERT_FILE (Python, `ssl`).
    """
    is_tls = urlsplit(url).scheme == "rediss"
    return Connection(
        url,
        transport=Transport,
        ssl={"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True} if is_tls else False,
        connect_timeout=CONNECT_TIMEOUT,
        transport_options={
            "socket_connect_timeout": CONNECT_TIMEOUT,
            "socket_timeout": ANSWER_TIMEOUT,
            "socket_keepalive": True,
            "health_check_interval": HEALTH_CHECK_EVERY,
            "max_retries": 1,
        },
    )


def address_of(url: str) -> str:
    """Where the broker is, without user, password and database."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or 6379}"


class OneTryProducer(Producer):
    """Publishes once: Celery and kombu ask for retries without an end."""

    def publish(self, *args: Any, **options: Any) -> Any:
        """See kombu's producers."""
        return super().publish(*args, **{**options, "retry": False})


class Outage:
    """Tells the log once that a broker is down, and once that it is back."""

    def __init__(self, *, url: str, purpose: str) -> None:
        self._about = {"broker": address_of(url), "purpose": purpose}
        self.is_on = False

    def begin(self, error: Exception) -> None:
        """It does not answer. Only the kind of error is told: its text is the library's."""
        if not self.is_on:
            self.is_on = True
            about = {**self._about, "error": type(error).__name__}
            logger.warning("control_broker_unavailable", extra=about)

    def end(self) -> None:
        """It answers."""
        if self.is_on:
            self.is_on = False
            logger.info("control_broker_recovered", extra=self._about)

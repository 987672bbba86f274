"""Connections to the control broker, and the log of its outages."""

import logging
import ssl
from typing import Any
from urllib.parse import urlsplit

from celery.exceptions import ImproperlyConfigured
from kombu.connection import Connection
from kombu.messaging import Producer

# Imported here, so that the main process imports it before the fork. kombu would import it at the
# first connection, in each pool process.
from kombu.transport.redis import Transport
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# The errors of a broker that is down or does not answer.
BROKER_ERRORS = (RedisError, OSError)
# In seconds. Only threads and commands wait for the broker, never the event loop or a task.
CONNECT_TIMEOUT = 2.0
ANSWER_TIMEOUT = 2.0
# A connection that misses three checks is replaced (kombu.transport.redis).
HEALTH_CHECK_EVERY = 5.0


class ControlTransport(Transport):
    """kombu's transport with a shorter wait for replies, which a connection completes at its end.

    `brpop_timeout` is in seconds. Redis 6 and Valkey take fractions.
    """

    # kombu's own is a whole number.
    brpop_timeout = 0.2  # type: ignore[assignment]


class NoControlBroker(ImproperlyConfigured):
    """Events or remote control were used without a control broker."""


def control_connection(url: str) -> Connection:
    """Return a connection that is not open yet.

    With `rediss://` the server's certificate is verified. SSL_CERT_FILE names the certificate of a
    private authority (Python, `ssl`).
    """
    is_tls = urlsplit(url).scheme == "rediss"
    return Connection(
        url,
        transport=ControlTransport,
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
    """Return a broker's scheme, host and port, without user, password and database."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or 6379}"


class OneTryProducer(Producer):
    """A producer that makes one attempt. Celery and kombu would retry without end."""

    def publish(self, *args: Any, **options: Any) -> Any:
        """Publish without retries (kombu, `Producer.publish`)."""
        return super().publish(*args, **{**options, "retry": False})


class Outage:
    """Logs once that a broker is down, and once that it is available again."""

    def __init__(self, *, url: str, purpose: str) -> None:
        self._log_fields = {"broker": address_of(url), "purpose": purpose}
        self.is_ongoing = False

    def begin(self, error: Exception) -> None:
        """Log the start of an outage with the error's type; its text could contain secrets."""
        if not self.is_ongoing:
            self.is_ongoing = True
            log_fields = {**self._log_fields, "error": type(error).__name__}
            logger.warning("control_broker_unavailable", extra=log_fields)

    def end(self) -> None:
        """Log the end of the outage, if there is one."""
        if self.is_ongoing:
            self.is_ongoing = False
            logger.info("control_broker_recovered", extra=self._log_fields)

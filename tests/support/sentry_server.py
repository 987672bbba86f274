"""A server that stores the reports of Sentry's SDKs.

It speaks the envelope protocol (https://develop.sentry.dev/sdk/data-model/envelopes/): one line of
JSON for the envelope, then for each item one line of JSON with its length, and its payload.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from testbed.http_server import running_http_server

# Brotli is not supported: sentry-sdk 2.75 uses it only if it is installed and configured.
_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


@dataclass(eq=False)
class SentryServer:
    """The received data: `reports` has the events, and `bodies` the texts of all requests."""

    dsn: str = ""
    reports: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def take(self, *, path: str, encoding: str, body: bytes) -> bool:
        """Keep a request. Return False if it does not follow the protocol."""
        try:
            if not path.endswith("/envelope/"):
                raise ValueError(path)
            decoded = _DECODERS[encoding](body)
            reports = [json.loads(payload) for kind, payload in _items(decoded) if kind == "event"]
        except (KeyError, ValueError, OSError, zlib.error) as error:
            self.refusals.append(repr(error))
            return False
        self.bodies.append(decoded.decode())
        self.reports += reports
        return True


@contextmanager
def running_sentry_server() -> Iterator[SentryServer]:
    """Run a server on a free port of 127.0.0.1."""
    sentry = SentryServer()

    def respond(path: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        encoding = headers.get("Content-Encoding", "")
        is_taken = sentry.take(path=path, encoding=encoding, body=body)
        return (200 if is_taken else 400), b"{}"

    with running_http_server(respond) as address:
        sentry.dsn = f"http://key@{address}/1"
        yield sentry


def _items(envelope: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the type and payload of each item. Without a length, an item ends with its line."""
    _, _, rest = envelope.partition(b"\n")
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        header = json.loads(line)
        length = header.get("length")
        if length is None:
            payload, _, rest = rest.partition(b"\n")
        else:
            payload, rest = rest[:length], rest[length:].removeprefix(b"\n")
        yield header["type"], payload

"""A server that takes what Sentry's SDKs send, and keeps it.

It speaks the envelope protocol (https://develop.sentry.dev/sdk/data-model/envelopes/): a line of
JSON for the envelope, then for each item a line of JSON with its length, and its payload.
"""

import gzip
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# brotli is left out: sentry-sdk 2.75 uses it only where it is installed and asked for.
_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


@dataclass(eq=False)
class SentryServer:
    """What has been received: the `reports`, and `bodies`, all that came as text."""

    dsn: str = ""
    reports: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def take(self, *, path: str, encoding: str, body: bytes) -> bool:
        """Take one request; False if it is in no form of the protocol."""
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
    """A server on a free port of 127.0.0.1, until the block is left."""
    sentry = SentryServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            encoding = self.headers.get("Content-Encoding", "")
            is_taken = sentry.take(path=self.path, encoding=encoding, body=body)
            answer = b"{}"
            self.send_response(200 if is_taken else 400)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Not to stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        sentry.dsn = f"http://key@127.0.0.1:{server.server_port}/1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield sentry
        finally:
            server.shutdown()
            thread.join()


def _items(envelope: bytes) -> Iterator[tuple[str, bytes]]:
    """The type and the payload of each item; one without a length ends at its line's end."""
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

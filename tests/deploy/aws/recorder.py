"""A proxy before AWS servers that records which program calls what.

Each program has an access key of its own, which stands in the signature of its requests.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from embedded.network import LOOPBACK

_TIMEOUT_SECONDS = 60
_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/aws4_request")
# A batch needs the permission of the call for one message (Service Authorization Reference, SQS).
_PERMISSIONS = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
    "SendMessageBatch": "SendMessage",
}


class Call(NamedTuple):
    """A permission as in an IAM policy, and the name of the resource that it is for."""

    permission: str
    resource: str


@dataclass
class Recorder:
    """The address of the proxy, and the calls since its start.

    `upstreams` has the servers to which it forwards the calls of a service, and `default` the one
    for all other services.
    """

    url: str
    default: str
    upstreams: dict[str, str] = field(default_factory=dict)
    _calls: dict[str, set[Call]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def record(self, headers: Mapping[str, str], body: bytes) -> str:
        """Record a request, and return the server to which it goes, as HOST:PORT."""
        signed = _CREDENTIAL.search(headers["Authorization"])
        assert signed, "The request has no signature."
        caller, service = signed.groups()
        action = headers["X-Amz-Target"].rpartition(".")[2]
        permission = f"{service}:{_PERMISSIONS.get(action, action)}"
        call = Call(permission, _resource(json.loads(body)))
        with self._lock:
            self._calls.setdefault(caller, set()).add(call)
        return urlsplit(self.upstreams.get(service, self.default)).netloc

    def calls_of(self, caller: str) -> set[Call]:
        """Return the calls of the program with this access key."""
        with self._lock:
            return set(self._calls.get(caller, ()))

    def callers(self) -> set[str]:
        """Return the access keys of all programs that made a call."""
        with self._lock:
            return set(self._calls)


@contextmanager
def recording(default: str) -> Iterator[Recorder]:
    """Forward the requests to a free port of 127.0.0.1, if nothing else is set, to `default`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            netloc = recorder.record(dict(self.headers), body)
            with closing(HTTPConnection(netloc, timeout=_TIMEOUT_SECONDS)) as connection:
                # With the host name of this proxy, so that addresses of queues lead to it.
                connection.request("POST", self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        server.daemon_threads = True
        recorder = Recorder(f"http://{LOOPBACK}:{server.server_port}", default)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()


def _resource(request: dict[str, Any]) -> str:
    """Return the name of a request's resource. A batch of writes has one table."""
    for name in ("QueueName", "TableName", "DeliveryStreamName"):
        if name in request:
            return str(request[name])
    if "SecretId" in request:
        return str(request["SecretId"]).rpartition(":")[2]
    if "QueueUrl" in request:
        return str(request["QueueUrl"]).rpartition("/")[2]
    (table,) = request["RequestItems"]
    return str(table)

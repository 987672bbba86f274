"""A stand-in for AWS STS that issues credentials for a role, and hangs on request."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><AssumedRoleUser><AssumedRoleId>AROA:worker</AssumedRoleId>
<Arn>arn:aws:sts::123456789012:assumed-role/worker/worker</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>testing</AccessKeyId><SecretAccessKey>testing</SecretAccessKey>
<SessionToken>testing</SessionToken><Expiration>{expires}</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


class Sts:
    """Controls the server and counts its requests."""

    def __init__(self, *, lifetime: timedelta) -> None:
        self.url = ""
        self.answered = 0
        self.hung = 0
        self._lifetime = lifetime
        self._answers = threading.Event()
        self._answers.set()

    def hang(self) -> None:
        """Accept requests, but do not respond."""
        self._answers.clear()

    def answer(self) -> None:
        """Respond to requests again, including those that hang."""
        self._answers.set()

    def response(self) -> bytes:
        """Return a response. Block while the server hangs."""
        if not self._answers.is_set():
            self.hung += 1
            self._answers.wait()
        self.answered += 1
        expires = datetime.now(UTC) + self._lifetime
        return _ANSWER.format(expires=expires.strftime("%Y-%m-%dT%H:%M:%SZ")).encode()


@contextmanager
def running_sts(*, lifetime: timedelta) -> Iterator[Sts]:
    """Run the server in threads of this process. Its credentials are valid for `lifetime`."""
    sts = Sts(lifetime=lifetime)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = sts.response()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_arguments: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sts.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield sts
    finally:
        sts.answer()
        server.shutdown()
        server.server_close()
        thread.join()

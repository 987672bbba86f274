"""A stand-in for AWS STS that issues credentials for a role, and hangs on request."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import Message

from testbed.http_server import running_http_server

_ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><AssumedRoleUser><AssumedRoleId>AROA:worker</AssumedRoleId>
<Arn>arn:aws:sts::123456789012:assumed-role/worker/worker</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>testing</AccessKeyId><SecretAccessKey>testing</SecretAccessKey>
<SessionToken>testing</SessionToken><Expiration>{expires}</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


class Sts:
    """Controls the server. `hung` counts the requests that it did not answer immediately."""

    def __init__(self, *, lifetime: timedelta) -> None:
        self.url = ""
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
        expires = datetime.now(UTC) + self._lifetime
        return _ANSWER.format(expires=expires.strftime("%Y-%m-%dT%H:%M:%SZ")).encode()


@contextmanager
def running_sts(*, lifetime: timedelta) -> Iterator[Sts]:
    """Run the server in threads of this process. Its credentials are valid for `lifetime`."""
    sts = Sts(lifetime=lifetime)

    def respond(_path: str, _headers: Message, _body: bytes) -> tuple[int, bytes]:
        return 200, sts.response()

    with running_http_server(respond) as address:
        sts.url = f"http://{address}"
        try:
            yield sts
        finally:
            sts.answer()

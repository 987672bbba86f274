"""Resets moto to the service's empty queues and table, in a third of the time of provisioning.

The queues and the table are provisioned once, as in production, and the requests are recorded.
For later tests, moto is reset and the recorded requests are sent again, except for those that only
read.
"""

import http.client
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session
from django.conf import settings

from operations.provisioning import ensure_queues, ensure_table

READING_ACTIONS = ("Describe", "Get", "List")
TIMEOUT_SECONDS = 10


@dataclass
class ProvisionedMoto:
    """A moto server that can be reset to empty queues and an empty table."""

    url: str
    # The recorded requests, by the settings on which they depend.
    _requests: dict[tuple[Any, ...], list[AWSPreparedRequest]] = field(default_factory=dict)

    def renew(self) -> None:
        """Reset moto, and create empty queues and an empty table."""
        self._post(path="/moto-api/reset", body=None, headers={})
        key = (
            settings.SQS_CONVERSATION_QUEUE_URL,
            settings.SQS_CONVERSATION_DLQ_URL,
            settings.SQS_CONVERSATION_VISIBILITY_TIMEOUT,
            settings.DYNAMODB_MESSAGE_TABLE,
        )
        if key not in self._requests:
            self._requests[key] = _requests_of_provisioning()
            return
        for request in self._requests[key]:
            self._post(path="/", body=request.body, headers=dict(request.headers))

    def _post(self, *, path: str, body: Any, headers: dict[str, Any]) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            assert answer.status == http.client.OK, answer.read()
        finally:
            connection.close()


def _requests_of_provisioning() -> list[AWSPreparedRequest]:
    """Provision, and return the requests that changed something."""
    seen: list[AWSPreparedRequest] = []
    send = URLLib3Session.send

    def record(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        seen.append(request)
        return send(session, request)

    with patch.object(URLLib3Session, "send", record):
        ensure_queues()
        ensure_table()
    return [request for request in seen if not _action(request).startswith(READING_ACTIONS)]


def _action(request: AWSPreparedRequest) -> str:
    target = request.headers["X-Amz-Target"]
    name = target.decode() if isinstance(target, bytes) else str(target)
    return name.rpartition(".")[2]

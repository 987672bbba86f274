"""The service's queues and table on moto, empty for each test, at a third of the cost.

The first time they are made as in production. What that asked of moto is sent again later, without
the questions whether they are there already: after moto's reset they are not.
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

QUESTIONS = ("Describe", "Get", "List")
TIMEOUT_SECONDS = 10


@dataclass
class ProvisionedMoto:
    """A moto server that is given back what the service needs, and nothing else."""

    url: str
    # By the settings that decide what is made.
    _requests: dict[tuple[Any, ...], list[AWSPreparedRequest]] = field(default_factory=dict)

    def renew(self) -> None:
        """Forget everything and make empty queues and an empty table."""
        self._post(path="/moto-api/reset", body=None, headers={})
        made_for = (
            settings.SQS_CONVERSATION_QUEUE_URL,
            settings.SQS_CONVERSATION_DLQ_URL,
            settings.SQS_CONVERSATION_VISIBILITY_TIMEOUT,
            settings.DYNAMODB_MESSAGE_TABLE,
        )
        if made_for not in self._requests:
            self._requests[made_for] = _requests_of_provisioning()
            return
        for request in self._requests[made_for]:
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
    """Provision, and give what changed anything."""
    seen: list[AWSPreparedRequest] = []
    send = URLLib3Session.send

    def noted(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        seen.append(request)
        return send(session, request)

    with patch.object(URLLib3Session, "send", noted):
        ensure_queues()
        ensure_table()
    return [request for request in seen if not _action(request).startswith(QUESTIONS)]


def _action(request: AWSPreparedRequest) -> str:
    target = request.headers["X-Amz-Target"]
    name = target.decode() if isinstance(target, bytes) else str(target)
    return name.rpartition(".")[2]

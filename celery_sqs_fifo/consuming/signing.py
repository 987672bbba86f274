"""Signed requests to SQS in the AWS JSON protocol."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError

from celery_sqs_fifo.consuming.http import Request
from celery_sqs_fifo.credentials import NewestCredentials

_CONTENT_TYPE = "application/x-amz-json-1.0"
_TARGET = "AmazonSQS"


class Signer:
    """Creates signed requests with the endpoint and the credentials of a `bounded_client`."""

    def __init__(self, client: Any) -> None:
        self._endpoint = client.meta.endpoint_url
        self._region = client.meta.region_name
        self._credentials: NewestCredentials | None = client._get_credentials()

    def request(self, action: str, parameters: Mapping[str, Any]) -> Request:
        """Return a signed request. Raise NoCredentialsError if no credentials are available."""
        body = json.dumps(parameters).encode()
        unsigned = AWSRequest(
            method="POST",
            url=self._endpoint,
            headers={"Content-Type": _CONTENT_TYPE, "X-Amz-Target": f"{_TARGET}.{action}"},
            data=body,
        )
        if self._credentials is None:
            raise NoCredentialsError
        SigV4Auth(self._credentials.get_frozen_credentials(), "sqs", self._region).add_auth(
            unsigned
        )
        return Request(
            url=self._endpoint,
            headers=dict(unsigned.headers.items()),
            body=body,
            wait_seconds=parameters.get("WaitTimeSeconds", 0),
        )

    @property
    def credentials_expire_at(self) -> float | None:
        """Return when the credentials expire, in seconds since 1970, or None if they do not."""
        return self._credentials.expire_at if self._credentials else None

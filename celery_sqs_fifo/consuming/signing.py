"""Requests to SQS in the AWS JSON protocol, with what libcurl signs them with."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import NoCredentialsError

from celery_sqs_fifo.consuming.http import Request, Signature
from celery_sqs_fifo.credentials import NewestCredentials

_CONTENT_TYPE = "application/x-amz-json-1.0"
_TARGET = "AmazonSQS"


class Signer:
    """Creates requests with the endpoint and the credentials of a `bounded_client`."""

    def __init__(self, client: Any) -> None:
        self._endpoint = client.meta.endpoint_url
        self._region = client.meta.region_name
        self._credentials: NewestCredentials | None = client._get_credentials()

    def request(self, action: str, parameters: Mapping[str, Any]) -> Request:
        """Return a request. Raise NoCredentialsError if no credentials are available."""
        if self._credentials is None:
            raise NoCredentialsError
        credentials = self._credentials.get_frozen_credentials()
        if not (credentials.access_key and credentials.secret_key):
            raise NoCredentialsError
        headers = {"Content-Type": _CONTENT_TYPE, "X-Amz-Target": f"{_TARGET}.{action}"}
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
        return Request(
            url=self._endpoint,
            headers=headers,
            body=json.dumps(parameters).encode(),
            signature=Signature(
                service="sqs",
                region=self._region,
                access_key=credentials.access_key,
                secret_key=credentials.secret_key,
            ),
            wait_seconds=parameters.get("WaitTimeSeconds", 0),
        )

    @property
    def credentials_expire_at(self) -> float | None:
        """Return when the credentials expire, in seconds since 1970, or None if they do not."""
        return self._credentials.expire_at if self._credentials else None

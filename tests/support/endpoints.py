"""Changes the endpoint of the service's AWS clients."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from apps.common.aws import client_of_process


@contextmanager
def endpoint(service: str, url: str, *, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the clients of this process use `url` within the block."""
    with monkeypatch.context() as patch:
        patch.setenv(f"AWS_ENDPOINT_URL_{service.upper()}", url)
        client_of_process.cache_clear()
        yield
    client_of_process.cache_clear()

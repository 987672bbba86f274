"""Leading the service's AWS clients to another server."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from apps.common.aws import client_of_process


@contextmanager
def endpoint(service: str, url: str, *, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clients of this process that are used in the block go to `url`, also if there were some."""
    with monkeypatch.context() as patch:
        patch.setenv(f"AWS_ENDPOINT_URL_{service.upper()}", url)
        client_of_process.cache_clear()
        yield
    client_of_process.cache_clear()

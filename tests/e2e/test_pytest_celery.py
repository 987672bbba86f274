"""The worker runs under pytest-celery, as a local process instead of a container."""

import uuid
from typing import Any

import pytest
from celery import Celery
from pytest_celery import (
    CeleryBackendCluster,
    CeleryBrokerCluster,
    CeleryTestBroker,
    CeleryTestSetup,
    CeleryTestWorker,
    CeleryWorkerCluster,
)

from apps.conversations.models import Conversation
from config.celery import app
from embedded.processes import ManagedProcess
from tests.e2e.conftest import any_batch_size
from tests.support.builders import message_body
from tests.support.running_service import Service


class LocalNode:
    """A local process with the interface of pytest-celery's containers."""

    def __init__(self, *, name: str, celeryconfig: dict[str, Any], process: Any = None) -> None:
        self.id = uuid.uuid4().hex
        self.name = name
        self.celeryconfig = celeryconfig
        self.ready_prompt = None
        self._process: ManagedProcess | None = process

    @property
    def status(self) -> str:
        return "running" if self._process is None or self._process.is_running else "exited"

    def ready(self) -> bool:
        return self.status == "running"

    def reload(self) -> None:
        """Do nothing: a process needs no refresh."""

    def logs(self) -> str:
        return self._process.log_text() if self._process else ""

    def teardown(self) -> None:
        """Do nothing: the supervisor stops the process."""

    def worker_name(self) -> str:
        return self.name

    def worker_queue(self) -> str:
        return "conversations.fifo"


@pytest.fixture
def celery_broker_cluster(service: Service) -> CeleryBrokerCluster:
    config = {"url": "sqs://", "host_url": "sqs://"}
    return CeleryBrokerCluster(CeleryTestBroker(LocalNode(name="sqs", celeryconfig=config)))


@pytest.fixture
def celery_backend_cluster() -> CeleryBackendCluster | None:
    return None


@pytest.fixture
def celery_worker_cluster(
    service: Service, celery_broker_cluster: CeleryBrokerCluster
) -> CeleryWorkerCluster:
    config = {"broker_url": "sqs://", "result_backend": None}
    node = LocalNode(name="worker", celeryconfig=config, process=service.start_worker())
    return CeleryWorkerCluster(CeleryTestWorker(node, app))


@pytest.fixture
def celery_setup_app(celery_worker_cluster: CeleryWorkerCluster) -> Celery:
    return app


@any_batch_size
def test_a_worker_in_pytest_celerys_setup_opens_a_conversation(
    celery_setup: CeleryTestSetup, service: Service
) -> None:
    assert celery_setup.ready()
    service.send(body=message_body(urn="telegram:1"), group="telegram:1")
    service.wait_until_empty()
    assert Conversation.objects.get().contact_urn == "telegram:1"
    celery_setup.worker.assert_log_does_not_exist("Traceback")

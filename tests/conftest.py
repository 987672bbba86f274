"""Fixtures of all tests: servers that are started once for a run, and only if a test needs them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from django.conf import settings as django_settings
from django.core.management import get_commands
from django.db import connection
from pytest_django import DjangoDbBlocker

from apps.common.aws import client_of_process
from config.environment import read_environment
from embedded.environment import service_environment
from embedded.stack import Stack, running_stack
from operations.database_time_limits import ensure_time_limits
from tests.support.flush import QuickFlush
from tests.support.provisioned import ProvisionedMoto

SERVER_SETTINGS = (
    "SQS_CONVERSATION_QUEUE_URL",
    "SQS_CONVERSATION_DLQ_URL",
    "DATALAKE_URL",
    "CELERY_CONTROL_URL",
)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The embedded servers. The settings of this process have their addresses.

    Unlike other users of the stack, the tests use moto for SQS, too: this project did not write it,
    and it can be emptied before each test. Tests of the order of events use the strict SQS server.
    """
    with running_stack(directory=tmp_path_factory.mktemp("stack")) as stack:
        os.environ.update(
            service_environment(
                database_url=stack.database_url,
                sqs_url=stack.moto_url,
                dynamodb_url=stack.moto_url,
                control_url=stack.control_url,
                lake=stack.lake,
            )
        )
        # Tests without servers may have created clients that would call AWS itself.
        client_of_process.cache_clear()
        environment = read_environment()
        for name in SERVER_SETTINGS:
            setattr(django_settings, name, getattr(environment, name))
        django_settings.DATABASES["default"].update(environment.DATABASE_URL)
        yield stack


@pytest.fixture(scope="session")
def django_db_modify_db_settings(stack: Stack) -> None:
    """Start PostgreSQL. pytest-django requests this fixture before it creates its database."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Create pytest-django's database, with `provision`'s time limits and a faster `flush`."""
    cast("dict[str, Any]", get_commands())["flush"] = QuickFlush()
    with django_db_blocker.unblock():
        ensure_time_limits()
        # The time limits apply only to new sessions.
        connection.close()


@pytest.fixture(scope="session")
def provisioned_moto(stack: Stack) -> ProvisionedMoto:
    """The moto server that `aws` resets for each test."""
    return ProvisionedMoto(stack.moto_url)


@pytest.fixture
def aws(provisioned_moto: ProvisionedMoto) -> None:
    """Empty queues and an empty table on moto, provisioned as in production."""
    provisioned_moto.renew()


@pytest.fixture
def sqs(aws: None) -> Any:
    """An SQS client of moto."""
    return boto3.client("sqs", region_name=django_settings.SQS_CONVERSATION_REGION)


@pytest.fixture
def lake_directory(tmp_path: Path, settings: Any) -> Path:
    """An empty data lake in files."""
    settings.DATALAKE_URL = f"{tmp_path.as_uri()}?gather=0s"
    return tmp_path

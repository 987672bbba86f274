"""The programs of the service on an applied template, each with an access key of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import requests
from django.db import connection

from embedded.environment import with_settings
from embedded.service import PROJECT_ROOT
from embedded.stack import Stack
from tests.deploy.aws.recorder import Recorder
from tests.deploy.aws.stack import Applied, client

STREAM = "conversations"
_COMMAND_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """An applied template, and the settings of programs that use it through a recorder."""

    applied: Applied
    recorder: Recorder
    settings: Mapping[str, str]
    logs: Path

    def environment(self, caller: str, **more: str) -> dict[str, str]:
        """Return the settings of a program, whose access key is `caller`."""
        return {**self.settings, "AWS_ACCESS_KEY_ID": caller, **more}

    def manage(self, caller: str, *arguments: str, may_fail: bool = False) -> str:
        """Run manage.py, and return its output. Fail if it fails, unless it may."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT_ROOT,
            env=with_settings(self.environment(caller)),
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        assert may_fail or done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def database_of(stack: Stack) -> str:
    """Return the address of the database that pytest-django has created."""
    return f"{stack.database_url.rpartition('/')[0]}/{connection.settings_dict['NAME']}"


def settings_of(
    stack: Stack, *, database_url: str, sqs_url: str, url: str, applied: Applied
) -> dict[str, str]:
    """Return the settings with which programs use the resources of an applied template.

    `sqs_url` and `url` are the addresses of SQS and of the other services. The outputs have AWS's
    own addresses of the queues.
    """

    def at_server(queue: str) -> str:
        return f"{sqs_url}{urlsplit(queue).path}"

    return {
        **stack.environment,
        "DATABASE_URL": database_url,
        "AWS_ENDPOINT_URL_SQS": sqs_url,
        "AWS_ENDPOINT_URL_DYNAMODB": url,
        "AWS_ENDPOINT_URL_FIREHOSE": url,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": url,
        "SQS_CONVERSATION_QUEUE_URL": at_server(applied.outputs["QueueUrl"]),
        "SQS_CONVERSATION_DLQ_URL": at_server(applied.outputs["DeadLetterQueueUrl"]),
        "DYNAMODB_MESSAGE_TABLE": applied.outputs["TableName"],
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "DJANGO_PLAIN_HTTP": "true",
        "DJANGO_STATIC_ROOT": "",
    }


def reset(url: str) -> None:
    """Empty the moto server."""
    with _session() as session:
        assert session.post(f"{url}/moto-api/reset", timeout=20).ok


def create_stream(url: str) -> str:
    """Create a Firehose stream that writes to a bucket, and return its ARN."""
    client("s3", url=url).create_bucket(Bucket=STREAM)
    created = client("firehose", url=url).create_delivery_stream(
        DeliveryStreamName=STREAM,
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/firehose",
            "BucketARN": f"arn:aws:s3:::{STREAM}",
        },
    )
    return str(created["DeliveryStreamARN"])


def login_from_secret(url: str, *, settings: Mapping[str, str]) -> dict[str, str]:
    """Move the login of DATABASE_URL into a secret on the moto server at `url`.

    Return the settings with which programs read it there.
    """
    parts = urlsplit(settings["DATABASE_URL"])
    login = {"username": parts.username, "password": parts.password}
    secret = client("secretsmanager", url=url).create_secret(
        Name="conversations", SecretString=json.dumps(login)
    )
    return {
        "DATABASE_URL": urlunsplit(parts._replace(netloc=f"{parts.hostname}:{parts.port}")),
        "DATABASE_SECRET_ARN": str(secret["ARN"]),
    }


@contextmanager
def _session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@contextmanager
def signed_in(url: str, *, user: str, password: str) -> Iterator[Callable[..., requests.Response]]:
    """Sign in to the admin site, and yield a function that gets a path, or posts a form to it."""
    with _session() as session:
        session.get(f"{url}/admin/login/", timeout=20)

        def call(path: str, form: Mapping[str, str] | None = None) -> requests.Response:
            if form is None:
                answer = session.get(f"{url}{path}", timeout=30)
            else:
                token = {"csrfmiddlewaretoken": session.cookies["csrftoken"]}
                answer = session.post(f"{url}{path}", data={**form, **token}, timeout=30)
            assert answer.status_code == 200, (path, answer.status_code)
            return answer

        call("/admin/login/?next=/admin/", {"username": user, "password": password})
        yield call

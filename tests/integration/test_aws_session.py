"""Calls to AWS continue while STS hangs, as long as the credentials are valid."""

from datetime import timedelta
from pathlib import Path

import pytest

from celery_sqs_fifo.aws import bounded_client
from celery_sqs_fifo.credentials import BackgroundSession
from testbed.proxy.sts import Sts, running_sts
from testbed.sqs import SqsServer


@pytest.fixture(autouse=True)
def _role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials come from a role."""
    token = tmp_path / "token"
    token.write_text("token")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/worker")


def serve(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)


def test_a_call_is_signed_at_once_while_sts_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    # botocore refreshes credentials that are valid for less than 15 minutes.
    with running_sts(lifetime=timedelta(minutes=14)) as sts:
        serve(sts, monkeypatch)
        credentials = BackgroundSession().get_credentials()
        assert credentials.get_frozen_credentials().token == "testing"

        sts.hang()
        for _ in range(3):
            assert credentials.get_frozen_credentials().token == "testing"
        assert sts.hung == 0
        credentials.stop()


def test_a_message_is_published_at_once_while_sts_hangs(
    strict_sqs: SqsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_sts(lifetime=timedelta(minutes=14)) as sts:
        serve(sts, monkeypatch)
        sqs = bounded_client(
            config={}, endpoint_url=strict_sqs.url, use_ssl=False, region_name="eu-west-1"
        )
        sts.hang()
        sqs.list_queues()

        assert sts.hung == 0
        sqs._get_credentials().stop()

"""Wrong AWS settings of a process are found when it starts, without a call to AWS."""

from pathlib import Path

import pytest
from celery.exceptions import ImproperlyConfigured

from celery_sqs_fifo import check_aws_settings

FILE = """
[profile loop]
role_arn = arn:aws:iam::123456789012:role/loop
source_profile = loop
"""


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have one config file, no credentials, and no metadata service to ask for them."""
    monkeypatch.chdir(tmp_path)
    Path("config").write_text(FILE)
    Path("damaged").write_text("garbage\n[x")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "config")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def check() -> None:
    check_aws_settings(region="us-east-1", config={"retries": {"total_max_attempts": 3}})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("AWS_PROFILE", "nope", "The config profile (nope) could not be found"),
        ("AWS_PROFILE", "loop", "Infinite loop in credential configuration detected"),
        ("AWS_CONFIG_FILE", "damaged", "Unable to parse config file: "),
        ("AWS_SHARED_CREDENTIALS_FILE", "damaged", "Unable to parse config file: "),
        ("AWS_ACCESS_KEY_ID", "key", "Partial credentials found in env, missing: AWS_SECRET"),
        ("AWS_RETRY_MODE", "often", 'Invalid value provided to "mode": "often"'),
        ("AWS_ENDPOINT_URL_SQS", "queue", "Invalid endpoint: queue"),
    ],
)
def test_wrong_settings_are_refused_with_the_reason(
    name: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured) as refusal:
        check()

    assert str(refusal.value).startswith(f"The AWS settings are wrong: {reason}")
    assert "Correct the variables AWS_*" in str(refusal.value)


def test_credentials_that_are_not_available_yet_are_not_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check()

    # Nothing listens at this address, so the credentials of the container cannot be fetched.
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/")
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.RETRY_ATTEMPTS", 1)
    check()

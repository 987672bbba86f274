"""The service's settings for the embedded stack, and for tools that use no server.

`python -m embedded.environment COMMAND...` runs a command with all settings that the service
requires. No server listens at their addresses. The type checker needs this, because it imports the
service's settings.
"""

import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

# The account number of the strict SQS server and of moto, which is part of a queue's address.
_ACCOUNT_ID = "123456789012"
_REGION = "us-east-1"


def service_environment(
    *, database_url: str, sqs_url: str, dynamodb_url: str, control_url: str, lake: Path
) -> dict[str, str]:
    """Return every variable that the service needs, with a new SECRET_KEY."""
    queues = f"{sqs_url}/{_ACCOUNT_ID}"
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DATABASE_URL": database_url,
        "AWS_ENDPOINT_URL_SQS": sqs_url,
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "SQS_CONVERSATION_REGION": _REGION,
        "SQS_CONVERSATION_QUEUE_URL": f"{queues}/conversations.fifo",
        "SQS_CONVERSATION_DLQ_URL": f"{queues}/conversations-dlq.fifo",
        # An idle worker stops within two seconds.
        "SQS_POLL_SECONDS": "2",
        "DYNAMODB_REGION": _REGION,
        "DYNAMODB_MESSAGE_TABLE": "conversation_messages",
        "CELERY_CONTROL_URL": control_url,
        # Answers are in the lake at once, not after a minute.
        "DATALAKE_URL": f"{lake.as_uri()}?gather=0s",
        "AGENT_UUID_CSAT": "0e6f5c1a-6f0c-4f0b-9d55-3f3a8c1b7d01",
        "AGENT_UUID_NPS": "7c2b9e44-1d3a-4b8f-8a67-5e9d2f4c6b02",
        # At this level a worker logs that it is ready.
        "LOG_LEVEL": "INFO",
        # Without this, botocore would use a proxy from the environment even for 127.0.0.1.
        "no_proxy": "127.0.0.1,localhost",
    }


def with_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this program's environment with these settings.

    The developer's own AWS and Sentry settings are left out: an AWS profile would override the
    credentials, and nothing may be sent to a real Sentry project.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "SENTRY_")) and name != "DJANGO_DEBUG"
    }
    return {**kept, **settings, "PYTHONUNBUFFERED": "1"}


def main() -> None:
    """Replace this process by a command, with settings whose addresses have no server."""
    command = sys.argv[1:]
    if not command:
        raise SystemExit("Usage: python -m embedded.environment COMMAND [ARGUMENT...]")
    settings = service_environment(
        database_url="postgres://nobody:nothing@127.0.0.1:9/nowhere",
        sqs_url="http://127.0.0.1:9",
        dynamodb_url="http://127.0.0.1:9",
        control_url="redis://127.0.0.1:9/0",
        lake=Path(tempfile.gettempdir()) / "no-lake",
    )
    try:
        os.execvpe(command[0], command, with_settings(settings))  # noqa: S606 (that is its purpose)
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be run: {error.strerror}.\n")
        # These are the statuses of a shell.
        sys.exit(127 if isinstance(error, FileNotFoundError) else 126)


if __name__ == "__main__":
    main()

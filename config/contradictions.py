"""Sentences about settings that are valid one by one but contradict each other."""

import ipaddress
import re
from urllib.parse import urlsplit

# The value in .env.example and docker-compose.yml, for servers that only this machine can reach.
EXAMPLE_SECRET_KEY = "for-local-use-only-change-it-before-anyone-else-can-reach-this"  # noqa: S105
# Amazon SQS Developer Guide, "Endpoints": standard, FIPS, dual-stack, VPC and legacy endpoints.
_SQS_HOST = re.compile(
    r"(?:.+\.)?sqs(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)"
    r"|(?P<legacy>[a-z0-9-]+)\.queue\.amazonaws\.com"
)
_DEAD_LETTERS = re.compile(r"(?:^|[-_.])(?:dlq|dead[-_]?letters?)(?:[-_.]|$)", re.IGNORECASE)


def queue_problems(*, queue_url: str, dlq_url: str, region: str) -> list[str]:
    """Return a sentence for each contradiction between the two queues and their region."""
    problems = []
    if urlsplit(queue_url).path == urlsplit(dlq_url).path:
        problems.append(
            "SQS_CONVERSATION_DLQ_URL: must not be the same queue as SQS_CONVERSATION_QUEUE_URL."
        )
    queue, dlq = _name(queue_url), _name(dlq_url)
    if _DEAD_LETTERS.search(queue) and not _DEAD_LETTERS.search(dlq):
        problems.append(
            f"SQS_CONVERSATION_QUEUE_URL: has the name of a dead-letter queue ({queue}), and "
            f"SQS_CONVERSATION_DLQ_URL has not ({dlq}). Swap the two, or rename the queues."
        )
    for name, url in (
        ("SQS_CONVERSATION_QUEUE_URL", queue_url),
        ("SQS_CONVERSATION_DLQ_URL", dlq_url),
    ):
        of_url = region_of(url)
        if of_url and of_url != region:
            problems.append(
                f"SQS_CONVERSATION_REGION: is {region}, but {name} is the URL of a queue in "
                f"{of_url}. Both queues must be in this region."
            )
    return problems


def secret_key_problems(secret_key: str, *, queue_url: str, hosts: list[str]) -> list[str]:
    """Return a sentence if the example's key is used where others could reach the service."""
    if secret_key != EXAMPLE_SECRET_KEY:
        return []
    if region_of(queue_url):
        reason = "SQS_CONVERSATION_QUEUE_URL is a queue on AWS"
    elif not all(map(is_loopback, hosts)):
        reason = "DJANGO_ALLOWED_HOSTS has names of other machines"
    else:
        return []
    return [
        f"SECRET_KEY: is the key of .env.example, which everybody knows, but {reason}. Set it to "
        'the output of: python -c "import secrets; print(secrets.token_urlsafe(50))"'
    ]


def region_of(queue_url: str) -> str | None:
    """Return the AWS region in the URL of a queue, or None if the host is not one of AWS."""
    host = _SQS_HOST.fullmatch((urlsplit(queue_url).hostname or "").lower())
    return host["region"] or host["legacy"] if host else None


def control_broker_problems(url: str, *, may_be_plain: bool) -> list[str]:
    """Return a sentence for each way in which the settings expose the control broker."""
    control = urlsplit(url)
    if not control.hostname or is_loopback(control.hostname):
        return []
    problems = []
    if not control.password:
        problems.append(
            "CELERY_CONTROL_URL: needs a password, as in rediss://:password@host:6379/0, because "
            "every client of this broker can stop the workers."
        )
    if control.scheme != "rediss" and not may_be_plain:
        problems.append(
            "CELERY_CONTROL_URL: must begin with rediss:// (TLS), because the broker is on another "
            "host. Inside a private network set CELERY_CONTROL_INSECURE=true instead."
        )
    return problems


def is_loopback(host: str) -> bool:
    """Return whether the name or address of a host is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _name(queue_url: str) -> str:
    return queue_url.rpartition("/")[2]

"""Sentences about why AWS refuses to provision something, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from operations.doctor.aws import NOT_ALLOWED, error_code

# By error code of SQS and DynamoDB (their API references).
SENTENCES = {
    "QueueDeletedRecently": "it was deleted less than a minute ago. Run this again in a minute.",
    "ResourceInUseException": "it is being created, changed or deleted. Run this again in "
    "a minute.",
    "LimitExceededException": "the account has too many tables or changes in progress. Run this "
    "again later, or ask AWS for a higher limit.",
    "KmsAccessDenied": "the KMS key refuses the credentials. Allow its use in the key's policy.",
}


class Refused(Exception):
    """Something cannot be provisioned. The text is one or more sentences for an operator."""


@contextmanager
def explaining_refusals(*, service: str, resource: str) -> Iterator[None]:
    """Raise Refused instead of the errors of AWS.

    `service` is the prefix in the names of its permissions, such as sqs.
    """
    try:
        yield
    except ClientError as refusal:
        raise Refused(_sentence(refusal, service=service, resource=resource)) from refusal
    except (BotoCoreError, ValueError) as failure:
        # botocore raises ValueError for an endpoint that is not a URL.
        raise Refused(
            f"AWS cannot be called for {resource}: {failure}. `python manage.py doctor` shows "
            "what to fix."
        ) from failure


def _sentence(refusal: ClientError, *, service: str, resource: str) -> str:
    code = error_code(refusal)
    action = f"{service}:{refusal.operation_name}"
    if code in NOT_ALLOWED:
        return (
            f"The credentials of this command may not call {action} on {resource}. Allow it in "
            "their policy (docs/deployment.md), or run this with other credentials."
        )
    if code in SENTENCES:
        return f"{resource} cannot be provisioned: {SENTENCES[code]}"
    message = refusal.response["Error"].get("Message", "").strip().rstrip(".")
    return (
        f"AWS refuses {action} on {resource}: {message or code} ({code}). `python manage.py "
        "doctor` shows what differs."
    )

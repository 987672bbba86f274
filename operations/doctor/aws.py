"""Asking AWS one thing at a time, and what its answer means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)

from apps.common.aws import CHECK, make_client
from operations.doctor.findings import Finding, error

# Common Errors of the AWS APIs, and those of the JSON protocol.
NOT_ALLOWED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
MISSING = frozenset({"NonExistentQueue", "QueueDoesNotExist", "ResourceNotFoundException"})
NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)


class Kind(Enum):
    """How a call ended. REFUSED: for another reason than those before it."""

    DONE = auto()
    NOT_ALLOWED = auto()
    BAD_CREDENTIALS = auto()
    MISSING = auto()
    REFUSED = auto()
    SILENT = auto()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The end of a call: its content if it was done, else the word that AWS or botocore uses."""

    kind: Kind
    word: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ends_all(self) -> bool:
        """Whether every other call to the same service would end in the same way."""
        return self.kind in (Kind.SILENT, Kind.BAD_CREDENTIALS)


class Service:
    """One AWS service, asked with boto3's own credentials and endpoints, as the worker does.

    A call takes at most five seconds: one attempt, two seconds to connect, three to answer.
    """

    def __init__(self, name: str, *, region: str) -> None:
        self._name = name
        self._region = region
        self._client: Any = None

    def ask(self, action: str, **parameters: Any) -> Reply:
        """Make a call, such as `ask("describe_table", TableName=…)`. Raises nothing for an answer.

        Parameters are not checked here: some calls of the doctor are wrong on purpose.
        """
        try:
            self._client = self._client or make_client(
                self._name, region=self._region, options=CHECK
            )
            content = getattr(self._client, action)(**parameters)
        except ClientError as refusal:
            return _refused(refusal)
        except NO_CREDENTIALS as failure:
            return Reply(kind=Kind.BAD_CREDENTIALS, word=type(failure).__name__)
        except (BotoCoreError, ValueError) as failure:
            # ValueError: an endpoint that is no URL.
            return Reply(kind=Kind.SILENT, word=type(failure).__name__)
        return Reply(kind=Kind.DONE, content=content, headers=_headers(content))


def trouble(check: str, reply: Reply, *, service: str, settings: str) -> Finding:
    """What is wrong where a service did not do what was asked, whatever that was.

    `settings` names what decides which server is asked.
    """
    match reply.kind:
        case Kind.SILENT:
            return error(
                check,
                f"{service} does not answer ({reply.word}).",
                f"Check the network, and the settings {settings}.",
            )
        case Kind.BAD_CREDENTIALS:
            return error(
                check,
                f"{service} does not accept the credentials ({reply.word}).",
                "Check the role or AWS_PROFILE with: aws sts get-caller-identity. If they are "
                "right, this machine's clock may be wrong: see clocks.aws.",
            )
        case _:
            return error(
                check,
                f"{service} refuses ({reply.word}).",
                "Run this again. If it stays, look at https://health.aws.amazon.com/ and at the "
                f"settings {settings}.",
            )


def _refused(refusal: ClientError) -> Reply:
    # A code may have a namespace: AWS.SimpleQueueService.NonExistentQueue.
    word = refusal.response["Error"].get("Code", "").rpartition(".")[2].rpartition("#")[2]
    headers = _headers(refusal.response)
    for kind, words in (
        (Kind.NOT_ALLOWED, NOT_ALLOWED),
        (Kind.BAD_CREDENTIALS, BAD_CREDENTIALS),
        (Kind.MISSING, MISSING),
    ):
        if word in words:
            return Reply(kind=kind, word=word, headers=headers)
    return Reply(kind=Kind.REFUSED, word=word, headers=headers)


def _headers(answer: Any) -> Mapping[str, str]:
    headers: Mapping[str, str] = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers

"""Calls to AWS, and the meanings of their results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    TokenRetrievalError,
)

from apps.common.aws import CHECK, make_client
from celery_sqs_fifo import AWS_SETTINGS_ERRORS
from operations.doctor import credentials
from operations.doctor.findings import Finding, error

# Error codes: AWS, "Common Errors", and those of the JSON protocol.
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
MISSING_QUEUE = ("NonExistentQueue", "QueueDoesNotExist")
MISSING_TABLE = "ResourceNotFoundException"
MISSING = frozenset({*MISSING_QUEUE, MISSING_TABLE})
NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    TokenRetrievalError,
)


class ReplyKind(Enum):
    """The kinds of results. REFUSED is for error codes that no other kind has.

    NO_CREDENTIALS: the call was not made.
    """

    DONE = auto()
    NOT_ALLOWED = auto()
    BAD_CREDENTIALS = auto()
    MISSING = auto()
    REFUSED = auto()
    NO_RESPONSE = auto()
    NO_CREDENTIALS = auto()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The result of a call: its content if it succeeded, else the error code of AWS or botocore."""

    kind: ReplyKind
    code: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def fails_every_call(self) -> bool:
        """Return whether all calls to the same service would fail in the same way."""
        return self.kind in (
            ReplyKind.NO_RESPONSE,
            ReplyKind.BAD_CREDENTIALS,
            ReplyKind.NO_CREDENTIALS,
        )


class Service:
    """An AWS service that is called with boto3's credentials and endpoints, as in the worker.

    A call takes at most five seconds: one attempt, two seconds to connect, three to respond.
    """

    def __init__(self, name: str, *, region: str) -> None:
        self._name = name
        self._region = region
        self._client: Any = None

    def call(self, action: str, **parameters: Any) -> Reply:
        """Make a call, such as `call("describe_table", TableName=…)`. Errors are part of the reply.

        boto3 does not validate the parameters, because some are wrong on purpose.
        """
        try:
            credentials.fetch()
            self._client = self._client or make_client(
                self._name, region=self._region, options=CHECK
            )
            content = getattr(self._client, action)(**parameters)
        except ClientError as refusal:
            return _refused(refusal)
        except credentials.NoCredentials as failure:
            return Reply(kind=ReplyKind.NO_CREDENTIALS, code=str(failure))
        except NO_CREDENTIALS as failure:
            return Reply(kind=ReplyKind.NO_CREDENTIALS, code=type(failure).__name__)
        except AWS_SETTINGS_ERRORS as failure:
            return Reply(kind=ReplyKind.NO_CREDENTIALS, code=credentials.reason_of(failure))
        except (BotoCoreError, ValueError) as failure:
            # botocore raises ValueError for an endpoint that is not a URL.
            return Reply(kind=ReplyKind.NO_RESPONSE, code=type(failure).__name__)
        return Reply(kind=ReplyKind.DONE, content=content, headers=_headers(content))


def failure_finding(check: str, reply: Reply, *, service: str, settings: str) -> Finding:
    """Return an error finding for a failure that the check itself does not explain.

    `settings` names the settings that determine the server.
    """
    match reply.kind:
        case ReplyKind.NO_RESPONSE:
            return error(
                check,
                f"{service} does not respond ({reply.code}).",
                f"Check the network, and the settings {settings}.",
            )
        case ReplyKind.NO_CREDENTIALS:
            return error(
                check,
                f"{service} was not called, because there are no credentials ({reply.code}).",
                credentials.GET_CREDENTIALS,
            )
        case ReplyKind.BAD_CREDENTIALS:
            return error(
                check,
                f"{service} does not accept the credentials ({reply.code}).",
                "Check the role or AWS_PROFILE with: aws sts get-caller-identity. If they are "
                "right, this machine's clock may be wrong: see clocks.aws.",
            )
        case _:
            return error(
                check,
                f"{service} refuses ({reply.code}).",
                "Run this again. If the error persists, check https://health.aws.amazon.com/ and "
                f"the settings {settings}.",
            )


def error_code(refusal: ClientError) -> str:
    """Return the error code of AWS, without a namespace such as AWS.SimpleQueueService."""
    code: str = refusal.response["Error"].get("Code", "")
    return code.rpartition(".")[2].rpartition("#")[2]


def _refused(refusal: ClientError) -> Reply:
    code = error_code(refusal)
    headers = _headers(refusal.response)
    for kind, codes in (
        (ReplyKind.NOT_ALLOWED, NOT_ALLOWED),
        (ReplyKind.BAD_CREDENTIALS, BAD_CREDENTIALS),
        (ReplyKind.MISSING, MISSING),
    ):
        if code in codes:
            return Reply(kind=kind, code=code, headers=headers)
    return Reply(kind=ReplyKind.REFUSED, code=code, headers=headers)


def _headers(answer: Any) -> Mapping[str, str]:
    headers: Mapping[str, str] = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers

"""Each process has one AWS client for each purpose, with short timeouts and mapped errors."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)

from apps.common import aws
from apps.common.errors import Unavailable
from apps.common.version import VERSION

CLIENTS: dict[str, tuple[Callable[[], Any], tuple[float, float, int], bool]] = {
    "sqs, for work": (aws.sqs_client, (2, 5, 3), True),
    "sqs, for metrics": (lambda: aws.sqs_client(options=aws.METRICS), (2, 3, 1), True),
    "sqs, for a page": (lambda: aws.sqs_client(options=aws.PAGE), (1, 2, 1), True),
    "sqs, for the status": (lambda: aws.sqs_client(options=aws.STATUS), (0.8, 0.8, 1), True),
    "dynamodb": (aws.dynamodb_client, (2, 5, 3), False),
    "firehose": (lambda: aws.firehose_client(region="sa-east-1"), (2, 5, 3), True),
    "a check": (
        lambda: aws.make_client("sqs", region="sa-east-1", options=aws.CHECK),
        (2, 3, 1),
        False,
    ),
}
REQUIRED = {"sqs": "receive_message", "dynamodb": "get_item", "firehose": "put_record_batch"}


def validates_parameters(client: Any) -> bool:
    """Return whether the client refuses a call without required parameters before signing it."""
    try:
        client.generate_presigned_url(REQUIRED[client.meta.service_model.service_name], Params={})
    except ParamValidationError:
        return True
    return False


@pytest.mark.parametrize(("make", "bounds", "validates"), CLIENTS.values(), ids=CLIENTS)
def test_each_client_gives_up_in_seconds(
    make: Callable[[], Any], bounds: tuple[float, float, int], validates: bool
) -> None:
    client = make()

    config = client.meta.config
    attempts = config.retries["total_max_attempts"]
    assert (config.connect_timeout, config.read_timeout, attempts) == bounds
    assert config.retries["mode"] == "standard"
    assert validates_parameters(client) is validates


@pytest.mark.parametrize("make", [make for make, *_ in CLIENTS.values()], ids=CLIENTS)
def test_each_client_names_the_service(make: Callable[[], Any]) -> None:
    assert make().meta.config.user_agent.startswith(f"conversation-service/{VERSION} ")


def test_a_process_has_one_client_for_each_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    work = aws.sqs_client()

    assert aws.sqs_client() is work
    assert aws.sqs_client(options=aws.METRICS) is not work

    monkeypatch.setattr("os.getpid", lambda: 0)
    assert aws.sqs_client() is not work


def test_a_client_uses_the_region_of_its_service(settings: Any) -> None:
    settings.SQS_CONVERSATION_REGION = "us-west-2"
    settings.DYNAMODB_REGION = "eu-central-1"

    assert aws.sqs_client().meta.region_name == "us-west-2"
    assert aws.dynamodb_client().meta.region_name == "eu-central-1"
    assert aws.firehose_client(region="sa-east-1").meta.region_name == "sa-east-1"


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ClientError({"Error": {"Code": "Throttling"}}, "Query"), "Throttling"),
        (EndpointConnectionError(endpoint_url="https://sqs"), "EndpointConnectionError"),
        (NoCredentialsError(), "NoCredentialsError"),
    ],
)
def test_an_error_that_may_pass_is_raised_as_unavailable(error: Exception, word: str) -> None:
    with pytest.raises(Unavailable) as caught, aws.may_be_unavailable("SQS"):
        raise error

    assert (caught.value.dependency, caught.value.message) == ("SQS", word)


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ValidationException"}}, "Query"),
        ParamValidationError(report="a wrong type"),
    ],
)
def test_an_error_of_the_request_is_raised_unchanged(error: Exception) -> None:
    with (
        pytest.raises(type(error)),
        aws.may_be_unavailable("DynamoDB", our_fault={"ValidationException"}),
    ):
        raise error

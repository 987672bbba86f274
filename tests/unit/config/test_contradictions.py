"""Settings that are valid one by one but contradict each other are reported with both names."""

import pytest

from config.contradictions import EXAMPLE_SECRET_KEY, region_of
from tests.support.pages import page
from tests.unit.config.test_environment import COMPLETE, problems, read_from

ON_AWS = {
    "SQS_CONVERSATION_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/chats.fifo",
    "SQS_CONVERSATION_DLQ_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/chats-dlq.fifo",
    "SQS_CONVERSATION_REGION": "us-east-1",
}


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sqs.us-east-1.amazonaws.com", "us-east-1"),
        ("SQS.US-EAST-1.AMAZONAWS.COM:443", "us-east-1"),
        ("sqs-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("sqs.sa-east-1.api.aws", "sa-east-1"),
        ("vpce-0a1b-2c3d.sqs.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("eu-west-1.queue.amazonaws.com", "eu-west-1"),
        ("sqs.us-east-1.localhost.localstack.cloud:4566", None),
        ("sqs:9324", None),
        ("sqs.us-east-1.amazonaws.com.example.org", None),
    ],
)
def test_the_region_is_read_from_every_address_of_sqs(host: str, region: str | None) -> None:
    assert region_of(f"https://{host}/123456789012/chats.fifo") == region


def test_settings_that_agree_are_accepted() -> None:
    assert read_from(COMPLETE | ON_AWS).SQS_CONVERSATION_REGION == "us-east-1"


def test_the_queues_must_be_in_the_region_of_the_setting() -> None:
    assert problems(COMPLETE | ON_AWS | {"SQS_CONVERSATION_REGION": "sa-east-1"}) == [
        f"SQS_CONVERSATION_REGION: is sa-east-1, but {name} is the URL of a queue in us-east-1. "
        "Both queues must be in this region."
        for name in ("SQS_CONVERSATION_QUEUE_URL", "SQS_CONVERSATION_DLQ_URL")
    ]


@pytest.mark.parametrize(
    "url",
    [
        ON_AWS["SQS_CONVERSATION_QUEUE_URL"],
        "https://us-east-1.queue.amazonaws.com/123456789012/chats.fifo",
    ],
)
def test_the_dead_letter_queue_must_be_another_queue(url: str) -> None:
    assert problems(COMPLETE | ON_AWS | {"SQS_CONVERSATION_DLQ_URL": url}) == [
        "SQS_CONVERSATION_DLQ_URL: must not be the same queue as SQS_CONVERSATION_QUEUE_URL."
    ]


def test_swapped_queues_are_recognized_by_their_names() -> None:
    swapped = {
        "SQS_CONVERSATION_QUEUE_URL": ON_AWS["SQS_CONVERSATION_DLQ_URL"],
        "SQS_CONVERSATION_DLQ_URL": ON_AWS["SQS_CONVERSATION_QUEUE_URL"],
    }

    assert problems(COMPLETE | ON_AWS | swapped) == [
        "SQS_CONVERSATION_QUEUE_URL: has the name of a dead-letter queue (chats-dlq.fifo), and "
        "SQS_CONVERSATION_DLQ_URL has not (chats.fifo). Swap the two, or rename the queues."
    ]


@pytest.mark.parametrize(
    ("queue", "dlq"),
    [("deadline-chats", "failed"), ("dead-sea-dlq", "dead-sea-dlq-dlq"), ("chats", "graveyard")],
)
def test_queues_with_other_names_are_accepted(queue: str, dlq: str) -> None:
    names = {
        "SQS_CONVERSATION_QUEUE_URL": f"http://127.0.0.1:9/1/{queue}.fifo",
        "SQS_CONVERSATION_DLQ_URL": f"http://127.0.0.1:9/1/{dlq}.fifo",
    }

    assert read_from(COMPLETE | names)


def test_the_key_of_the_example_is_accepted_only_on_one_machine() -> None:
    example = {"SECRET_KEY": EXAMPLE_SECRET_KEY}
    on_another_host = {"DJANGO_ALLOWED_HOSTS": "localhost,admin.example.org"}

    assert f"SECRET_KEY={EXAMPLE_SECRET_KEY}\n" in page(".env.example")
    assert read_from(COMPLETE | example)
    (on_aws,) = problems(COMPLETE | example | ON_AWS)
    assert on_aws.startswith(
        "SECRET_KEY: is the key of .env.example, which everybody knows, but "
        "SQS_CONVERSATION_QUEUE_URL is a queue on AWS. Set it to the output of: python -c"
    )
    (on_host,) = problems(COMPLETE | example | on_another_host)
    assert "but DJANGO_ALLOWED_HOSTS has names of other machines." in on_host

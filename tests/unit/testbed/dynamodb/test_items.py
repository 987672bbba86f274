"""The model of DynamoDB measures items as DynamoDB does."""

import pytest

from testbed.dynamodb.items import size_of
from tests.support.wire_items import as_received, as_sent


@pytest.mark.parametrize("number", range(6))
def test_a_binary_value_counts_with_its_size_before_base64(number: int) -> None:
    item = {"chunk": {"B": bytes(number)}}

    assert size_of(as_sent(item)) == len("chunk") + number
    assert as_received(as_sent(item)) == item


def test_names_and_texts_count_in_utf_8() -> None:
    assert size_of({"ação": {"S": "😕"}}) == 6 + 4


@pytest.mark.parametrize(("number", "size"), [("1", 2), ("12", 2), ("1795608000", 6)])
def test_two_digits_of_a_number_count_as_a_byte_and_the_number_as_another(
    number: str, size: int
) -> None:
    assert size_of({"n": {"N": number}}) == 1 + size

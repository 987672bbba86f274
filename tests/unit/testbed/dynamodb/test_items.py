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
    assert size_of({"ação": {"S": "😕"}, "n": {"N": "12"}}) == 6 + 4 + 1 + 2

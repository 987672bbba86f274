"""Reads the CSV files of the console."""

import csv
import io
from typing import Any

from django.test import Client

from tests.support.console_client import get


def csv_rows(client: Client, url: str, **parameters: Any) -> list[dict[str, str]]:
    """Request a file in English, and return its rows by their titles."""
    answer = get(client, url, **parameters)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = io.StringIO(answer.content.decode("utf-8-sig"), newline="")
    return list(csv.DictReader(text))

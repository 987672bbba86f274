"""Searches every place to which the service writes: tables, items, queues, the broker and files."""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from django.apps import apps
from django.db import connection

from tests.support.stored import items_as_text


def places_with(
    texts: Collection[str], *, sqs: Any, queues: Iterable[str], broker: str, folders: Iterable[Path]
) -> dict[str, list[str]]:
    """Return the names of the places that have one of these texts, with the texts of each.

    The queues are empty afterwards. `broker` is the address of the control broker.
    """
    places = [
        *_tables(),
        ("DynamoDB", items_as_text()),
        *((f"queue {url}", _drained(sqs, url)) for url in queues),
        ("control broker", _keys(broker)),
        *_files(folders),
    ]
    found = {
        place: [text for text in texts if any(form in content for form in _forms(text))]
        for place, content in places
    }
    return {place: texts for place, texts in found.items() if texts}


def tables_with(texts: Collection[str]) -> set[str]:
    """Return the names of the tables that have one of these texts."""
    return {
        table.removeprefix("table ")
        for table, content in _tables()
        if any(form in content for text in texts for form in _forms(text))
    }


def _forms(text: str) -> set[str]:
    """Return a text as it is, in JSON, in JSON that is a text in JSON, and in a URL."""
    in_json = json.dumps(text)[1:-1]
    return {text, in_json, json.dumps(in_json)[1:-1], quote(text)}


def _tables() -> Iterator[tuple[str, str]]:
    """Yield each table of the models in Django's registry, with its rows as JSON."""
    for model in apps.get_models(include_auto_created=True):
        table = model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT to_jsonb(t)::text FROM "{table}" t')  # noqa: S608 (a name)
            yield f"table {table}", "\n".join(row for (row,) in cursor.fetchall())


def _drained(sqs: Any, url: str) -> str:
    """Receive and delete all messages of a queue. Return them, with their attributes, as text."""
    messages: list[Any] = []
    while received := sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages"):
        for message in received:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        messages += received
    return str(messages)


def _keys(broker: str) -> str:
    """Return all keys and values of a Valkey server as text."""
    readers = {
        b"string": lambda client, key: client.get(key),
        b"list": lambda client, key: client.lrange(key, 0, -1),
        b"set": lambda client, key: client.smembers(key),
        b"zset": lambda client, key: client.zrange(key, 0, -1),
        b"hash": lambda client, key: client.hgetall(key),
        b"stream": lambda client, key: client.xrange(key),
    }
    with redis.Redis.from_url(broker) as client:
        return str([(key, readers[client.type(key)](client, key)) for key in client.scan_iter()])


def _files(folders: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield f"file {path.relative_to(folder)}", path.read_text(errors="replace")

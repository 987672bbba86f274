"""A secret setting may come from a file, whose path is in NAME_FILE."""

from pathlib import Path

import pytest

from config.environment import Environment
from tests.unit.config.test_environment import COMPLETE, problems, read_from

URL = "postgres://ana:pa55word@db.example:5432/conversations"
SECRETS = {
    "DATABASE_URL": URL,
    "SECRET_KEY": "pa55word-and-more-characters-that-are-neither-short-nor-repeated",
    "CELERY_CONTROL_URL": "rediss://:pa55word@valkey.example/0",
    "SENTRY_DSN": "https://pa55word@sentry.example.org/1",
}


def in_file(folder: Path, name: str, contents: str) -> dict[str, str]:
    """Return an environment in which this setting comes from a file with these contents."""
    path = folder / name.lower()
    path.write_text(contents)
    others = {other: value for other, value in COMPLETE.items() if other != name}
    return {**others, f"{name}_FILE": str(path)}


def test_every_secret_setting_has_a_value_in_these_tests() -> None:
    secret = {name for name, field in Environment.model_fields.items() if not field.repr}

    assert SECRETS.keys() == secret


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_read_from_a_file_as_if_it_were_set(
    tmp_path: Path, name: str, end: str
) -> None:
    read = read_from(in_file(tmp_path, name, f"{SECRETS[name]}{end}"))

    assert read == read_from({**COMPLETE, name: SECRETS[name]})


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_and_its_file_contradict_each_other(tmp_path: Path, name: str) -> None:
    environment = in_file(tmp_path, name, SECRETS[name]) | {name: SECRETS[name]}

    assert problems(environment) == [
        f"{name}_FILE: must not be set together with {name}. Unset one of them."
    ]


@pytest.mark.parametrize("name", SECRETS)
def test_a_file_that_cannot_be_used_is_reported_once(tmp_path: Path, name: str) -> None:
    empty = in_file(tmp_path, name, "\n")
    missing = {**empty, f"{name}_FILE": "/nonexistent/secret"}

    assert problems(empty) == [f"{name}_FILE: the file {empty[f'{name}_FILE']} is empty."]
    assert problems(missing) == [
        f"{name}_FILE: the file /nonexistent/secret cannot be read (No such file or directory)."
    ]


def test_a_malformed_secret_in_a_file_is_reported_without_quoting_it(tmp_path: Path) -> None:
    (sentence,) = problems(in_file(tmp_path, "DATABASE_URL", "mysql://ana:pa55word@db/chats"))

    assert sentence.startswith("DATABASE_URL: must be a URL such as postgres://")
    assert "pa55word" not in sentence


def test_the_sentence_about_a_missing_secret_mentions_the_file() -> None:
    (sentence,) = problems({**COMPLETE, "SECRET_KEY": ""})

    assert sentence.endswith("Or set SECRET_KEY_FILE to the path of a file that contains it.")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SECRET_KEY_FIL", "SECRET_KEY_FILE"),
        ("DATABASE_PASSWORD", "DATABASE_PASSWORD_FILE"),
        ("DATABASE_SECRET", "DATABASE_SECRET_ARN"),
        ("DATABASE_URL_FIL", "DATABASE_URL_FILE"),
    ],
)
def test_a_misspelt_name_is_reported(name: str, meant: str) -> None:
    (sentence,) = problems({**COMPLETE, name: "x"})

    assert f"Did you mean {meant}?" in sentence


def test_a_setting_that_is_no_secret_has_no_file(tmp_path: Path) -> None:
    (sentence,) = problems(in_file(tmp_path, "DYNAMODB_REGION", "us-east-1"))

    assert sentence.startswith("DYNAMODB_REGION_FILE: there is no such setting.")

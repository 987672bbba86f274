"""Flower starts only on loopback or behind a login."""

import subprocess
from pathlib import Path

import pytest

from embedded.environment import service_environment, with_settings
from embedded.service import celery_command
from observability.flower.start import is_loopback, startup_problem

PROJECT_ROOT = Path(__file__).resolve().parents[4]
CONTROL_URL = "redis://127.0.0.1:6379/0"


def problem(
    *,
    address: str = "0.0.0.0",  # noqa: S104 (nothing listens there)
    logins: list[str] | None = None,
    has_other_login: bool = False,
    control_url: str = CONTROL_URL,
) -> str | None:
    return startup_problem(
        address=address,
        logins=logins or [],
        has_other_login=has_other_login,
        control_url=control_url,
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "localhost", ""])
def test_an_address_that_only_this_machine_can_reach_needs_no_login(address: str) -> None:
    assert is_loopback(address)
    assert problem(address=address) is None


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.7", "flower.example.org"])  # noqa: S104
def test_without_a_login_another_address_is_refused_with_what_to_set(address: str) -> None:
    sentence = problem(address=address)

    assert sentence
    assert sentence.startswith(f"Flower would listen on {address} without a login. Set FLOWER_")


def test_with_a_login_every_address_is_allowed() -> None:
    assert problem(logins=["ana:secret"]) is None
    assert problem(logins=["ana:secret", "bo:se:cret"]) is None
    assert problem(has_other_login=True) is None


@pytest.mark.parametrize("login", ["", "ana", "ana:", ":secret"])
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
def test_half_a_login_is_refused_and_not_quoted(login: str, address: str) -> None:
    sentence = problem(address=address, logins=["ana:secret", login])

    assert sentence == (
        "FLOWER_BASIC_AUTH (--basic-auth) must be user:password, with neither part empty."
    )


def test_without_a_control_broker_flower_is_refused_with_what_to_set() -> None:
    sentence = problem(address="127.0.0.1", control_url="")

    assert sentence
    assert "set CELERY_CONTROL_URL" in sentence


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--address=0.0.0.0", "Flower would listen on 0.0.0.0 without"),
        ("--port=99999", "FLOWER_PORT (--port) must be a number from 0 to 65535, not 99999."),
    ],
)
def test_the_command_ends_with_one_sentence_from_any_directory(
    option: str, sentence: str, tmp_path: Path
) -> None:
    environment = service_environment(
        database_url="postgres://nobody:nothing@127.0.0.1:9/nowhere",
        sqs_url="http://127.0.0.1:9",
        dynamodb_url="http://127.0.0.1:9",
        control_url=CONTROL_URL,
        lake=tmp_path,
    )
    inherited = with_settings({**environment, "PYTHONPATH": str(PROJECT_ROOT)})
    settings = {name: text for name, text in inherited.items() if not name.startswith("FLOWER_")}
    result = subprocess.run(
        celery_command("flower", option),
        cwd=tmp_path,
        env=settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(sentence)
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []

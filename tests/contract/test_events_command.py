"""`manage.py events` says what a worker does, without a server, and is a part of pipes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from embedded.environment import service_environment, with_settings
from embedded.service import PROJECT_ROOT
from operations.event_checks import check_event
from tests.contract.shapes import ADAPTERS, Shape, read_shapes
from tests.support.builders import close_body, message_body

NOWHERE = "http://127.0.0.1:9"


def settings_of(*, lake: Path) -> dict[str, str]:
    """Return settings that name servers that do not exist."""
    return service_environment(
        database_url="postgres://nobody@127.0.0.1:9/none",
        sqs_url=NOWHERE,
        dynamodb_url=NOWHERE,
        control_url="redis://127.0.0.1:9",
        lake=lake,
    )


def events(
    *arguments: str, lake: Path, events: str = "", stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run the command with settings that name servers that do not exist."""
    return subprocess.run(
        [sys.executable, "manage.py", "events", *arguments],
        cwd=PROJECT_ROOT,
        env=with_settings(settings_of(lake=lake)),
        input=events,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_events_are_read_from_a_pipe(tmp_path: Path) -> None:
    done = events("check", "-", lake=tmp_path, events=f"{message_body()}\nnot JSON\n")

    assert done.returncode == 1
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == ["line 1", "line 2"]
    assert done.stderr == "CommandError: Of 2 events, 1 would be quarantined: not_json 1.\n"


def test_a_reader_that_ends_early_ends_the_command_silently(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    done = events("check", "-", lake=tmp_path, events=close_body(), stdout=writing)

    os.close(writing)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


def test_ctrl_c_ends_the_command_silently(tmp_path: Path) -> None:
    # Tests that run in the background ignore Ctrl-C, and so would the command.
    heeding = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    start = f"{heeding} os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    with subprocess.Popen(
        [sys.executable, "-c", start, "manage.py", "events", "check", "-"],
        cwd=PROJECT_ROOT,
        env=with_settings(settings_of(lake=tmp_path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdin is not None
        assert command.stdout is not None
        command.stdin.write(f"{message_body()}\n")
        command.stdin.flush()
        assert command.stdout.readline().startswith("line 1: ")
        command.send_signal(signal.SIGINT)

        _, printed = command.communicate(timeout=20)

    assert (command.returncode, printed) == (-signal.SIGINT, "")


@pytest.mark.parametrize("shape", read_shapes(), ids=lambda shape: shape.name)
def test_the_command_says_of_every_shape_what_a_worker_does(shape: Shape, settings: Any) -> None:
    settings.EVENT_ADAPTERS = ADAPTERS

    _, verdict = check_event(
        json.dumps({"MessageBody": shape.body, "MessageAttributes": shape.attributes})
    )

    assert verdict.reason == shape.expect.get("quarantined", "")
    assert [word for word in shape.expect.get("says", ()) if word not in verdict.sentence] == []

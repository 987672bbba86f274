"""A command that cannot be run with the embedded settings is named, with a status of a shell."""

import sys

import pytest

from embedded.environment import main


@pytest.mark.parametrize(
    ("command", "status", "sentence"),
    [
        ("no-such-command", 127, "No such file or directory"),
        ("/", 126, "Permission denied"),
    ],
)
def test_a_command_that_cannot_be_run_is_named(
    command: str,
    status: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["embedded.environment", command])

    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code == status
    assert capsys.readouterr().err == f"{command} cannot be run: {sentence}.\n"

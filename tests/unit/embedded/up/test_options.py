"""`make up` refuses options before it starts anything."""

import sys

import pytest

from embedded.up import __main__ as up
from testbed.traffic.__main__ import MAX_RATE


@pytest.mark.parametrize("load", ["abc", "0", "-1", "nan", "1e9", "", str(MAX_RATE + 1)])
def test_a_load_that_cannot_be_generated_is_refused_before_anything_starts(
    load: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["embedded.up", f"--load={load}"])
    monkeypatch.setattr(up, "start", lambda **_options: pytest.fail("It started something."))

    with pytest.raises(SystemExit) as end:
        up.main()

    assert end.value.code == 2
    assert capsys.readouterr().err.endswith(
        "error: argument --load: LOAD must be a whole number of events a second from 1 to "
        f"{MAX_RATE}.\n"
    )


def test_the_largest_load_is_the_limit_of_the_generator() -> None:
    assert up.MAX_LOAD == MAX_RATE

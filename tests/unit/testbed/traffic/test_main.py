"""The rate of endless traffic is checked before anything is sent."""

import sys

import pytest

from testbed.traffic import __main__ as load


@pytest.mark.parametrize("arguments", [[], ["0"], ["-1"], ["201"], ["fast"], ["2.5"], ["1", "2"]])
def test_an_invalid_rate_is_refused_with_the_possible_rates(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["traffic", *arguments])

    assert load.main() == 2
    assert "from 1 to 200" in capsys.readouterr().err

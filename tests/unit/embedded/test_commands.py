"""A program of the project ends with a sentence for an option that it cannot use."""

import runpy

import pytest


def test_a_number_in_the_environment_that_is_none_ends_the_fuzzer_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUZZ_SECONDS", "abc")

    with pytest.raises(SystemExit) as end:
        runpy.run_module("tests.fuzzing", run_name="__main__")

    assert end.value.code == 1
    assert capsys.readouterr().err == "FUZZ_SECONDS must be a whole number from 0.\n"

"""The location of an error names the application's code, and quotes nothing."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from celery_sqs_fifo.errors import MAX_FRAMES, error_location


def location_of(text: str) -> str:
    """Return the location of the error of reading a text as JSON."""
    with pytest.raises(ValueError, match="Expecting") as raised:
        json.loads(text)
    return error_location(raised.value)


def fail_below(levels: int) -> None:
    if levels:
        fail_below(levels - 1)
    raise KeyError("what somebody wrote")


def test_frames_of_installed_packages_are_left_out() -> None:
    """So errors of different callers of a package have different causes."""
    location = location_of("what somebody wrote")

    assert location.startswith("test_errors.py:")
    assert location.endswith(" location_of > JSONDecodeError")
    assert "decoder.py" not in location
    assert "somebody" not in location


def test_an_error_that_only_packages_have_seen_keeps_their_frames() -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        failed = pool.submit(json.loads, "{").exception()

    assert failed
    assert "decoder.py:" in error_location(failed)


def test_only_the_last_frames_are_named() -> None:
    with pytest.raises(KeyError) as raised:
        fail_below(20)

    location = error_location(raised.value)
    assert location.count("fail_below") == MAX_FRAMES
    assert location.endswith(" > KeyError")

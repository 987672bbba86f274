"""A pytest plugin that keeps Python's garbage collector away from what lives as long as the tests.

Modules and collected tests are hundreds of thousands of objects. Collecting them while they are
made, and again with each full collection during the tests, took a sixth of the time of the unit
tests.
"""

import gc

import pytest

gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Exempt all objects that exist now from collection, and collect others from now on."""
    gc.collect()
    gc.freeze()
    gc.enable()

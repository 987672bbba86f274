"""`python -m tests.fuzzing.target` reads bodies that atheris makes, guided by the code's coverage.

Each body is read as the main process of a worker reads it (for the order of its group) and as a
pool process does. A body fails the run if reading it raises anything but InvalidEvent, or if the
two disagree. The body is then printed. The arguments are libFuzzer's.
"""

import os
import sys

import atheris
import django

from tests.contract.shapes import ADAPTERS

os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "EVENT_ADAPTERS": ",".join(ADAPTERS)}
with atheris.instrument_imports(include=["apps"]):
    django.setup()
    from tests.fuzzing.reading import check_reading
from tests.fuzzing.mutating import mutate


def _check(data: bytes) -> None:
    attribute, _, body = data.decode("utf-8", "surrogateescape").partition("\n")
    check_reading(body=body, attributes={"event_type": attribute} if attribute else {})


if __name__ == "__main__":
    atheris.Setup(sys.argv, _check, custom_mutator=mutate)
    atheris.Fuzz()

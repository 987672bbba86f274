"""A pytest plugin that sets complete settings before pytest-django reads them.

Their addresses lead nowhere. The `stack` fixture starts servers and sets their addresses; a test
that uses a server without that fixture fails.

Python writes its bytecode, even if the environment forbids it: tests start some two hundred
programs, and compiling Celery takes longer than the rest of a start.
"""

import os
import sys
from pathlib import Path

from hypothesis import settings

from embedded.environment import service_environment

# An example's time says more about the machine than about the code: 200 ms, Hypothesis's own
# deadline, is too short on a busy one.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ.update(
    service_environment(
        database_url="postgres://nobody:nothing@127.0.0.1:9/nowhere",
        sqs_url="http://127.0.0.1:9",
        dynamodb_url="http://127.0.0.1:9",
        control_url="",
        lake=Path("/nonexistent"),
    )
)

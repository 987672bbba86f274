"""A pytest plugin that sets complete settings before pytest-django reads them.

No server listens on the addresses in these settings. The `stack` fixture starts servers and sets
their addresses; a test that uses a server without that fixture fails.

The plugin also makes Python write bytecode files, even if the environment forbids it. The tests
start about two hundred programs, and compiling Celery takes most of the time of a start.
"""

import os
import sys
from pathlib import Path

from hypothesis import settings

from embedded.environment import service_environment

# Hypothesis fails examples that take longer than 200 ms by default. On a busy machine, correct code
# takes longer.
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

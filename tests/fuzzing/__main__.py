"""`python -m tests.fuzzing` runs the fuzzer, beginning with the recorded shapes of producers.

FUZZ_SECONDS (60) sets how long it runs.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from embedded.commands import exit_status, number_setting
from tests.contract.shapes import read_shapes

# The largest input.
MAX_BYTES = 4_096


def seeds() -> Iterator[bytes]:
    """Yield inputs: the attribute `event_type` or nothing in the first line, and then the body."""
    for shape in read_shapes():
        attribute = shape.attributes.get("event_type", {}).get("StringValue", "")
        yield f"{attribute}\n{shape.body}".encode("utf-8", "surrogateescape")


def run_command(_console: Console) -> int:
    """Return the status of the fuzzer, which is not 0 if an input failed. Raise CommandError."""
    seconds = number_setting("FUZZ_SECONDS", default=60)
    # libFuzzer ends its process at once, so the folder belongs to this one.
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            (Path(folder) / str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={seconds}",
            f"-max_len={MAX_BYTES}",
            # The failing body is printed, so its file may go with the folder.
            f"-artifact_prefix={folder}/",
            "-print_final_stats=1",
        ]
        target = [sys.executable, "-m", "tests.fuzzing.target", *options, folder]
        return subprocess.run(target, check=False).returncode


if __name__ == "__main__":
    sys.exit(exit_status(run_command))

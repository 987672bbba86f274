"""The example in the library's README runs unchanged."""

import json
import re
import sysconfig
from pathlib import Path

from embedded.processes import Command
from embedded.service import PROJECT_ROOT
from tests.e2e.conftest import any_batch_size
from tests.support.pages import fenced, page
from tests.support.running_fifo_app import FifoApp

README = page("celery_sqs_fifo/README.md")


@any_batch_size
def test_the_example_handles_the_events_of_each_group_in_order(
    fifo_app: FifoApp, tmp_path: Path
) -> None:
    source, *_ = fenced(README, language="python")
    command, *_ = fenced(README, language="sh")
    (tmp_path / "orders.py").write_text(source, encoding="utf-8")
    program, *arguments = command.split()
    for number in range(12):
        for group in ("customer-7", "customer-8"):
            fifo_app.send_body(json.dumps({"order": number}), group=group)
    worker = fifo_app.processes.start(
        command=Command(
            name="orders",
            arguments=[str(Path(sysconfig.get_path("scripts")) / program), *arguments],
            # Makes the library importable, as if it were installed.
            environment={**fifo_app.environment, "PYTHONPATH": str(PROJECT_ROOT)},
            working_directory=tmp_path,
            grace_seconds=20,
        ),
        log=tmp_path / "orders.log",
    )
    fifo_app.workers.append(worker)
    fifo_app.wait_until_empty()

    booked = re.findall(r"booked order (\d+) of (\S+)", worker.log_text())
    for customer in ("customer-7", "customer-8"):
        numbers = [int(number) for number, group in booked if group == customer]
        assert numbers == list(range(12))
    assert fifo_app.dead_letters() == []

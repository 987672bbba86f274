"""SQS over HTTP: the strict server of the test bed, in memory, without its control interface.

moto is not used for SQS, because it breaks the order of a group: when the visibility timeouts of
several messages have run out, as after a SIGKILL, moto delivers the last message first
(`tests/integration/test_sqs_server_contract.py`).
"""

import os
import sys
from pathlib import Path

from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, Supervisor
from embedded.servers import Server

_PROJECT_ROOT = Path(__file__).resolve().parent.parent


def start_sqs(*, supervisor: Supervisor, logs: Path) -> Server:
    """Start the server, without waiting for it.

    It is a process, like the other servers: the test bed imports this package, so this package must
    not import the test bed.
    """
    port = free_port()
    process = supervisor.start(
        command=Command(
            name="sqs",
            arguments=[sys.executable, "-m", "testbed.sqs", "--port", str(port)],
            environment=os.environ,
            working_directory=_PROJECT_ROOT,
        ),
        log=logs / "sqs.log",
    )
    url = f"http://{LOOPBACK}:{port}"
    # The server writes its address when it listens.
    return Server(process=process, url=url, is_ready=lambda: url in process.log_text())

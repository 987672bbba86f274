"""`python -m bench.event_cost.searching [--by-worker]`: search closed conversations once more.

With `--by-worker` it sends the task to the service's queue, as beat does every minute in which a
search is due. Otherwise it makes the searches that are due itself, with the service's own
functions, as a scheduled job of another subject would. At its end it writes the seconds of CPU time
that it has used.
"""

import argparse
import sys
import time
from uuid import uuid4

from config import app


def main() -> None:
    """Send the task or make the searches, and end."""
    parser = argparse.ArgumentParser(prog="python -m bench.event_cost.searching")
    parser.add_argument("--by-worker", action="store_true", help="let a worker make the searches")
    by_worker = parser.parse_args().by_worker
    app.loader.import_default_modules()
    begun_at = time.process_time()
    if by_worker:
        _send()
    else:
        _search()
    sys.stdout.write(f"{time.process_time() - begun_at}\n")


def _send() -> None:
    # Tasks import models, which cannot be imported before the settings are set.
    from tasks.closing import archive_late_messages

    archive_late_messages.apply_async(deduplication_id=str(uuid4()))


def _search() -> None:
    from apps.common.clock import now
    from apps.conversations import archive_checks
    from apps.messages.archiving import migrate
    from tasks.closing import CHECKS_PAGE

    while checks := archive_checks.claim(in_progress=False, limit=CHECKS_PAGE, now=now()):
        for check in checks:
            migrate(conversation_uuid=check.conversation_uuid, now=now())
            archive_checks.complete(check, now=now())


if __name__ == "__main__":
    main()

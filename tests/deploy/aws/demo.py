"""`python -m tests.deploy.aws.demo` runs the demo on what the template creates on moto.

Its queues are copied to the strict SQS server, on which the demo always runs.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from demo.__main__ import run_demo
from embedded.commands import exit_status
from embedded.stack import Stack, running_stack
from tests.deploy.aws.deployment import settings_of
from tests.deploy.aws.stack import apply_template, copy_queues


@contextmanager
def stack_from_template() -> Iterator[Stack]:
    """Run the embedded stack with queues and a table from the template."""
    with running_stack() as stack:
        applied = apply_template(stack.moto_url)
        copy_queues(applied, to=stack.sqs_url)
        settings = settings_of(
            stack,
            database_url=stack.database_url,
            sqs_url=stack.sqs_url,
            url=stack.moto_url,
            applied=applied,
        )
        yield replace(stack, environment=settings)


if __name__ == "__main__":
    sys.exit(exit_status(partial(run_demo, running=stack_from_template)))

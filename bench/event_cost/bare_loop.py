"""`python -m bench.event_cost.bare_loop HOW`: receive, store and delete with boto3 alone.

HOW is `one-by-one`, `together` (the events of a receive share calls) or `powertools`. An error ends
the loop, because nothing is retried. SIGTERM ends it, too.
"""

import argparse
import sys
from importlib import import_module

import boto3
import django

READY = "ready."
# The modules import models, which cannot be imported before the settings are set. Powertools is
# installed only in the environment of its own subject.
_FUNCTIONS = {
    "one-by-one": ("bench.event_cost.bare_work", "one_by_one"),
    "together": ("bench.event_cost.bare_work", "together"),
    "powertools": ("bench.event_cost.powertools_work", "in_lambda"),
}


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m bench.event_cost.bare_loop")
    parser.add_argument("how", choices=_FUNCTIONS)
    module, function = _FUNCTIONS[parser.parse_args().how]
    django.setup()

    from django.conf import settings

    from bench.event_cost.bare_work import take

    process_all = getattr(import_module(module), function)
    sqs = boto3.client("sqs", region_name=settings.SQS_CONVERSATION_REGION)
    sys.stdout.write(f"The loop is {READY}\n")
    sys.stdout.flush()
    while True:
        take(sqs=sqs, process_all=process_all)


if __name__ == "__main__":
    main()

"""`python -m bench.event_cost.bare_loop [--together]`: receive, store and delete with boto3 alone.

An error ends the loop, because nothing is retried. SIGTERM ends it, too.
"""

import argparse
import sys

import boto3
import django

READY = "ready."


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m bench.event_cost.bare_loop")
    parser.add_argument("--together", action="store_true", help="ten events with one call each")
    together = parser.parse_args().together
    django.setup()

    # Models cannot be imported before the settings are set.
    from django.conf import settings

    from bench.event_cost.bare_work import take

    sqs = boto3.client("sqs", region_name=settings.SQS_CONVERSATION_REGION)
    sys.stdout.write(f"The loop is {READY}\n")
    sys.stdout.flush()
    while True:
        take(sqs=sqs, queue_url=settings.SQS_CONVERSATION_QUEUE_URL, together=together)


if __name__ == "__main__":
    main()

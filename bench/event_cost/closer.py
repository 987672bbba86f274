"""`python -m bench.event_cost.closer`: close and archive for programs that are not in Python.

Each line on stdin is a message from ReceiveMessage in JSON. The program processes it with the
service's own functions, and then writes an empty line to stdout.
"""

import json
import sys

import django


def main() -> None:
    """Run until stdin ends. An error ends the program."""
    django.setup()

    # Models cannot be imported before the settings are set.
    from bench.event_cost.bare_work import one_by_one

    for line in sys.stdin:
        one_by_one([json.loads(line)])
        sys.stdout.write("\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

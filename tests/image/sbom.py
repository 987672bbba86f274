"""The image's packages as a software bill of materials: Python's and Debian's, in CycloneDX."""

import json
import sys
from pathlib import Path
from typing import Any

from embedded.commands import output_of
from releasing.sbom import bill_of

_DEBIAN_FIELDS = "${Package}\t${Version}\t${Architecture}\n"


def write_sbom(root: Path, *, release: str, file: Path, scratch: Path) -> int:
    """Write the packages in a root file system to a file. Return how many there are."""
    (packages,) = root.glob("opt/venv/lib/python*/site-packages")
    # cyclonedx-py asks an interpreter for the folders of its packages. The image's own cannot run
    # outside of it, so a script answers in its place.
    answer = scratch / "python"
    answer.write_text(f"#!/bin/sh\necho '{json.dumps([str(packages)])}'\n")
    answer.chmod(0o700)
    program = Path(sys.executable).parent / "cyclonedx-py"
    document = json.loads(bill_of(answer, program=program))
    listed = output_of(
        *("dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "--showformat", _DEBIAN_FIELDS)
    )
    document["components"] += [
        debian_component(*line.split("\t"), release=release) for line in listed.splitlines()
    ]
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(document, indent=2) + "\n")
    return len(document["components"])


def debian_component(name: str, version: str, architecture: str, *, release: str) -> dict[str, Any]:
    """Return the entry of an installed Debian package."""
    quoted = version.replace("+", "%2B").replace(":", "%3A")
    purl = f"pkg:deb/debian/{name}@{quoted}?arch={architecture}&distro={release}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}

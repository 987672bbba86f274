"""The commands in README, docs, the compose file and the Dockerfile."""

import json
import re
import shlex
from collections.abc import Iterator

import yaml

from tests.support.pages import PAGES, ROOT, code_of, page

_COMMAND = re.compile(
    r"(?:[A-Z_]+=\S+ )*"
    r"(?:celery -A config|gunicorn --|python manage\.py|python -m celery_sqs_fifo\.) ?\S.*"
)
# Pages mention this command without its arguments, so it cannot be run.
_WITHOUT_ITS_ARGUMENTS = {"celery -A config inspect"}


def documented_commands() -> list[str]:
    """Return each command once, in the order of the pages. Pages in docs/adr are excluded."""
    pages = [path for path in PAGES if path.parent == ROOT or path.parent.name == "docs"]
    lines = [line.strip() for path in pages for line in code_of(path.read_text("utf-8"))]
    lines += [*_of_compose(), *_of_dockerfile()]
    commands = dict.fromkeys(line for line in lines if _COMMAND.fullmatch(line))
    return [command for command in commands if command not in _WITHOUT_ITS_ARGUMENTS]


def _of_compose() -> Iterator[str]:
    for service in yaml.safe_load(page("docker-compose.yml"))["services"].values():
        for words in (service.get("command", []), service.get("healthcheck", {}).get("test", [])):
            match words:
                case ["sh", "-c", script]:
                    yield from script.split(" && ")
                case ["CMD", *rest]:
                    yield shlex.join(rest)
                case _:
                    yield shlex.join(words)


def _of_dockerfile() -> Iterator[str]:
    text = page("Dockerfile")
    yield from (line.strip() for line in text.splitlines())
    yield from (shlex.join(json.loads(words)) for words in re.findall(r"^CMD (.*)$", text, re.M))

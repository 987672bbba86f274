"""Nothing that producers wrote can control the terminal of an operator."""

import io
import json
from pkgutil import iter_modules
from typing import Any

import pytest
from django.core.management import call_command, load_command_class
from rich.table import Table
from rich.text import Text

from operations.management import commands
from operations.management.command_line import OperatorCommand
from operations.management.output import SafeConsole, SafeOutput, printable

HOSTILE = "a\x1b[31m\x9b31m\r\N{RIGHT-TO-LEFT OVERRIDE}b\tc\nd"
ESCAPED = "a\\u001b[31m\\u009b31m\\r\\u202eb\tc\nd"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


class Command(OperatorCommand):
    """A command that prints what a producer wrote."""

    requires_system_checks = ()

    def handle(self, **_options: Any) -> None:
        """Print the text on both outputs."""
        self.stdout.write(HOSTILE)
        self.stderr.write(HOSTILE)


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_every_command_escapes_what_it_prints(stream: type[io.StringIO]) -> None:
    out, err = stream(), stream()

    call_command(Command(), stdout=out, stderr=err, no_color=True)

    assert out.getvalue() == err.getvalue() == f"{ESCAPED}\n"


def test_all_commands_are_operator_commands_except_one_of_django() -> None:
    names = [module.name for module in iter_modules(commands.__path__)]
    loaded = {name: load_command_class("operations", name) for name in names}

    others = {name for name, one in loaded.items() if not isinstance(one, OperatorCommand)}
    assert others == {"collectstatic"}


def test_escaped_json_has_the_same_meaning() -> None:
    document = json.dumps({"text": HOSTILE + "\N{TAG LATIN SMALL LETTER A}"}, ensure_ascii=False)

    assert json.loads(printable(document)) == json.loads(document)
    assert printable(document).isprintable()


def test_spaces_and_emoji_stay_as_they_are() -> None:
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{GIRL}\N{NO-BREAK SPACE}1"

    assert printable(family) == family


def test_data_for_programs_is_exact_unless_it_is_printed_on_a_terminal() -> None:
    file, terminal = io.StringIO(), Terminal()

    SafeOutput(file).write_data(HOSTILE)
    SafeOutput(terminal).write_data(HOSTILE)

    assert file.getvalue() == HOSTILE
    assert terminal.getvalue() == ESCAPED


def test_lines_of_csv_are_plain_lines_on_a_terminal() -> None:
    terminal = Terminal()

    SafeOutput(terminal).write_data("a,b\r\n1,\r\n")

    assert terminal.getvalue() == "a,b\n1,\n"


def test_a_table_escapes_its_texts_and_keeps_its_own_styles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    table = Table.grid("text")
    table.add_row(Text("x\x1b]0;title", style="red"))

    SafeConsole(SafeOutput(terminal)).print(table)

    assert terminal.getvalue().startswith("\x1b[31mx\\u001b]")
    assert terminal.getvalue().count("\x1b") == 2

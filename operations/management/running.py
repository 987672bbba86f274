"""Runs the commands of `manage.py`, which end without a traceback unless there is a bug."""

import errno
import os
import signal
import sys

from apps.common.standard_streams import prepare_standard_streams

# The disk, the quota or the size limit of the process does not allow for more.
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# These commands use no server, so they do not need the settings that have no default.
WITHOUT_SERVERS = frozenset({"events", "help", "plan", "version", "--version"})


def run(argv: list[str]) -> None:
    """Run a command.

    If PostgreSQL, AWS, a file or the settings cannot be used, or if the output is a file on a full
    disk, exit with a sentence and status 1. After Ctrl-C, and if the reader of the output has
    ended, end as programs do that know nothing of these signals: a shell sees the signal, and stops
    its script.
    """
    prepare_standard_streams()
    try:
        try:
            _execute(argv)
        finally:
            # Otherwise Python writes the rest when it ends, and shows an error if that fails.
            sys.stdout.flush()
    except KeyboardInterrupt:
        _end_by(signal.SIGINT)
    except BrokenPipeError:
        _end_by(signal.SIGPIPE)
    except OSError as error:
        if "--traceback" in argv:
            raise
        if error.filename is not None:
            sys.exit(f"CommandError: {error.filename} cannot be used: {error.strerror}.")
        if error.errno not in NO_SPACE:
            raise
        # Python writes what is left when it ends, and shows an error if that fails again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(f"CommandError: The output cannot be written: {error.strerror}.")


def _execute(argv: list[str]) -> None:
    # Importing Django takes long enough to press Ctrl-C.
    from django.core.management import execute_from_command_line

    from config.environment import set_examples
    from operations.management.outages import outage_sentence, schema_sentence

    if _uses_no_server(argv):
        set_examples()
    try:
        execute_from_command_line(argv)
    except Exception as error:
        if "--traceback" in argv:
            raise
        sentence = _settings_sentence(error) or outage_sentence(error)
        # A schema error of a migration is a bug of the migration.
        if not sentence and "migrate" not in argv:
            sentence = schema_sentence(error)
        if not sentence:
            raise
        sys.exit(f"CommandError: {sentence}")


def _settings_sentence(error: Exception) -> str | None:
    """Return a sentence if the module of the settings does not exist, or None."""
    module = os.environ["DJANGO_SETTINGS_MODULE"]
    if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
        return (
            f"There is no settings module {module}: omit the option --settings and the variable "
            "DJANGO_SETTINGS_MODULE."
        )
    return None


def _uses_no_server(argv: list[str]) -> bool:
    # What follows "--" is for another program, such as psql with the command dbshell.
    own = argv[1 : argv.index("--")] if "--" in argv else argv[1:]
    return not own or own[0] in WITHOUT_SERVERS or bool({"--help", "-h"} & {*own})


def _end_by(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)

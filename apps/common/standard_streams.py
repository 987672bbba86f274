"""The standard streams of a program, which may be closed or in an encoding other than UTF-8."""

import os
import sys
from io import TextIOWrapper

_STDERR = 2
# These handlers fail for a character that the encoding does not have.
_FAILING_HANDLERS = frozenset({"strict", "surrogateescape"})


def prepare_standard_streams() -> None:
    r"""Make the standard streams usable. Call this before the program opens a file or a socket.

    A program that was started without one of them, as by `>&-`, has None for it in `sys`. The next
    file that it opens gets the free descriptor, and then also what a library writes to it. So a
    closed stream is opened on the null device. A character that the encoding of the output does not
    have is written as an escape such as ``\u2212``.
    """
    _open_descriptors()
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "w" if descriptor else "r"
            stream = open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            # Celery prints to this one.
            setattr(sys, f"__{name}__", stream)
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, TextIOWrapper) and output.errors in _FAILING_HANDLERS:
            output.reconfigure(errors="backslashreplace")


def _open_descriptors() -> None:
    """Open the descriptors 0, 1 and 2 on the null device if they are closed."""
    # The system returns the lowest descriptor that is free.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)

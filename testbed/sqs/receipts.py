"""Receipt handles: they say of which message they are, and whether this queue made them."""

import secrets


class ReceiptHandles:
    """Makes and reads the handles of one queue, without remembering each."""

    def __init__(self) -> None:
        self._prefix = f"AQEB{secrets.token_urlsafe(24)}"
        self._made = 0

    def make(self, *, sequence: int) -> str:
        """A handle unlike all before it."""
        self._made += 1
        return f"{self._prefix}.{sequence}.{self._made}"

    def sequence(self, *, handle: str) -> int | None:
        """The sequence number of its message; None if this queue never made it."""
        prefix, _, rest = handle.partition(".")
        sequence, _, number = rest.partition(".")
        if prefix == self._prefix and sequence.isdecimal() and number.isdecimal():
            return int(sequence)
        return None

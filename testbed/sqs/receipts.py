"""Receipt handles. Each contains the number of its message and the secret prefix of its queue."""

import secrets


class ReceiptHandles:
    """Makes and reads the handles of one queue, without storing them."""

    def __init__(self) -> None:
        self._prefix = f"AQEB{secrets.token_urlsafe(24)}"
        self._made = 0

    def make(self, *, sequence: int) -> str:
        """Return a new handle for a message."""
        self._made += 1
        return f"{self._prefix}.{sequence}.{self._made}"

    def sequence(self, *, handle: str) -> int | None:
        """Return the sequence number of the message; None if this queue has not made the handle."""
        prefix, _, rest = handle.partition(".")
        sequence, _, number = rest.partition(".")
        if prefix == self._prefix and sequence.isdecimal() and number.isdecimal():
            return int(sequence)
        return None

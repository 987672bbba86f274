"""The refusal of a remote command."""


class CommandRefused(Exception):
    """A command is refused. The text is sent to the operator, and says what is allowed."""

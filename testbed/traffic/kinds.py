"""The kinds of generated events."""

from enum import StrEnum


class EventKind(StrEnum):
    """The kind of an event.

    A REPEAT is the same body again. A RESEND is the same message with another correlation id, and
    so another version. An EDIT of an edited message restores its first text. A LATE_EDIT is of a
    message whose conversation was closed: it is a new message of the next conversation. A FORM is
    another answer with the message id of the last one.
    """

    RECEIVED = "message.received"
    SENT = "message.sent"
    EDIT = "edit"
    LATE_EDIT = "late edit"
    REPEAT = "repeat"
    RESEND = "resend"
    ANSWER = "answer"
    FORM = "form"
    WINDOW = "window"
    TAKEOVER = "takeover"
    CLOSE = "close"
    INVALID = "invalid"

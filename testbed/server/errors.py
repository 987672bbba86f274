"""The base class of errors with which a model answers."""

from http import HTTPStatus


class ServiceError(Exception):
    """An error with which a service answers a call."""

    def __init__(
        self, *, code: str, message: str, status: int = HTTPStatus.BAD_REQUEST.value
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

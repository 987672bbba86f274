"""The service of the end-to-end tests, for faults that take minutes."""

from tests.e2e.conftest import bundle, service, sqs_server

__all__ = ("bundle", "service", "sqs_server")

"""A strict, fast model of AWS SQS FIFO queues, for tests, chaos runs and benchmarks.

`running_sqs_server` runs it as a process.
"""

from testbed.sqs.client import SqsServer, running_sqs_server

__all__ = ["SqsServer", "running_sqs_server"]

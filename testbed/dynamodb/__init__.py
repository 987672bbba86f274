"""A fast model of the part of DynamoDB that the message store uses, with counts and faults.

Benchmarks and chaos runs use it instead of moto, whose Query reads every item of a table. The model
refuses requests that it does not know. `tests/integration/test_dynamodb_server.py` compares its
answers with those of moto. `running_dynamodb_server` runs it as a process.
"""

from testbed.dynamodb.client import DynamoDbServer, running_dynamodb_server

__all__ = ["DynamoDbServer", "running_dynamodb_server"]

"""`python -m tests.support.dynamodb_server` runs the server on a free port."""

import asyncio

from tests.support.dynamodb_server.server import DynamoDb
from tests.support.model_server.server import serve

if __name__ == "__main__":
    asyncio.run(serve(DynamoDb()))

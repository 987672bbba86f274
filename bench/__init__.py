"""The benchmarks: each folder has one, and `common` has what several of them use.

A *subject* is a program that processes events, such as this service or stock Celery. Its *stage* is
its own queue, DynamoDB table and database. A *trial* is a subject that runs on its stage.
"""

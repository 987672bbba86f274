"""Celery on AWS SQS FIFO queues: ordered, cheap, and safe against what the network does.

Knows neither Django nor what the messages are about. The pieces: `transport` receives and settles,
`gate` says which message may run, `envelope` turns messages into Celery's, `chain` runs the steps
of a chain in one delivery, `acks` deletes in batches, `visibility` keeps leases, `deadletters`
builds what goes to the dead-letter queue, `calls` talks to SQS.
"""

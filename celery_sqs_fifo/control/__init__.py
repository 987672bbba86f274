"""Worker events and remote control on a second broker, which speaks the Redis protocol.

An SQS FIFO queue cannot carry them: they go to all who listen, and a queue's message to one. The
second broker is optional and may fail at any time: events are dropped then, and tasks go on.
"""

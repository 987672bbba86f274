"""Worker events and remote control on a second broker with the Redis protocol.

An SQS FIFO queue cannot carry them, because it delivers each message to one receiver, and events
and commands go to all listeners. The second broker is optional and may fail at any time: the worker
then drops events, and its tasks continue.
"""

"""An independent check of what the service has made of generated traffic.

It imports none of the service's code, and knows its tables, items and files as any other program
would.
"""

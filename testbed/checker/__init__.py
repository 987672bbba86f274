"""An independent check of the service's effects on generated traffic.

It imports none of the service's code. It reads tables, items and files as another program would.
"""

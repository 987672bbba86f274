"""Measurements that are made by a command, and whose pages in docs/ are made by it too."""

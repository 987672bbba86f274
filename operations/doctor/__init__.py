"""Checks of every dependency, as the worker would use it. They change nothing."""

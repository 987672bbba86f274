"""Checks of every dependency, as the worker would use it; they change nothing."""

"""Collecting, redriving, erasing and exporting dead letters.

The collector is exported because Celery imports this package. Its task name is a wire name, which
does not change when modules move.
"""

from tasks.deadletters.collect import collect_dead_letters

__all__ = ("collect_dead_letters",)

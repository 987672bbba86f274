"""Dead letters: collecting, redriving, erasing and exporting them.

Celery finds the collector here: a task's name is a wire name, and stays whatever moves.
"""

from tasks.deadletters.collect import collect_dead_letters

__all__ = ("collect_dead_letters",)

"""Exports the Celery app, so that `celery -A config` finds it."""

from config.celery import app

__all__ = ("app",)

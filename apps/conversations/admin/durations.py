"""Durations in the admin site, written as everywhere else: 30m or 30d, and never a bare number."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.common.durations import Bounds, as_text


class DurationField(forms.Field):
    """A form field for a duration within bounds, or None if it is optional and empty."""

    widget = forms.TextInput

    def __init__(self, *, bounds: Bounds, **options: Any) -> None:
        super().__init__(required=not bounds.is_optional, **options)
        self.bounds = bounds

    def to_python(self, value: Any) -> timedelta | None:
        """Return the duration. Raise ValidationError with the sentence of the bounds."""
        try:
            return self.bounds.parse(value or "")
        except ValueError as problem:
            raise ValidationError(str(problem)) from None

    def prepare_value(self, value: Any) -> Any:
        """Return the text of a stored duration; what was entered stays as it is."""
        return as_text(value) if isinstance(value, timedelta) else value

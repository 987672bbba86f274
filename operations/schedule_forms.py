"""The forms of beat's schedules: a task that beat may send, and an interval or a crontab."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from apps.common.durations import Bounds, as_text
from apps.conversations.admin.durations import DurationField
from tasks.schedules import SCHEDULES, is_in_utc

TASKS = {task.name: task for task in SCHEDULES.values()}
INTERVAL = Bounds(
    noun=_("an interval"),
    minimum=timedelta(seconds=10),
    maximum=timedelta(days=365),
    is_optional=False,
)
NOT_IN_UTC = _(
    "Crontabs must be in UTC. In a zone with daylight saving time, beat would send nothing for an "
    "hour in autumn."
)
# The units of django-celery-beat in seconds, the largest first.
_PERIODS = {
    IntervalSchedule.DAYS: 86_400,
    IntervalSchedule.HOURS: 3_600,
    IntervalSchedule.MINUTES: 60,
    IntervalSchedule.SECONDS: 1,
}


def interval_as_text(interval: IntervalSchedule) -> str:
    """Return an interval as operators write it: 90s or 1h30m."""
    every: timedelta = interval.schedule.run_every
    # Only an interval that was not made here can have microseconds.
    return str(interval) if every.microseconds else as_text(every)


class IntervalChoice(forms.ModelChoiceField):
    """A choice of an interval, shown as operators write it."""

    def label_from_instance(self, interval: Any) -> str:
        """Return the label of a choice."""
        return gettext("every %(interval)s") % {"interval": interval_as_text(interval)}


class ScheduleForm(forms.ModelForm):
    """The form of a schedule: a task that beat may send, and when."""

    task = forms.ChoiceField(label=_("Task"), choices=[(name, name) for name in sorted(TASKS)])

    class Meta:
        model = PeriodicTask
        fields = (
            "name",
            "task",
            "enabled",
            "description",
            "interval",
            "crontab",
            "start_time",
        )

    def clean_interval(self) -> IntervalSchedule | None:
        """Return the interval. Raise ValidationError if it is too short."""
        interval: IntervalSchedule | None = self.cleaned_data["interval"]
        if interval and interval.schedule.run_every < INTERVAL.minimum:
            sentence = gettext("The shortest interval is %(interval)s.")
            raise ValidationError(sentence % {"interval": as_text(INTERVAL.minimum)})
        return interval

    def clean_crontab(self) -> CrontabSchedule | None:
        """Return the crontab. Raise ValidationError if it is not in UTC."""
        crontab: CrontabSchedule | None = self.cleaned_data["crontab"]
        if crontab and not is_in_utc(crontab):
            raise ValidationError(NOT_IN_UTC)
        return crontab


class IntervalForm(forms.ModelForm):
    """The form of an interval, which is written as everywhere else."""

    interval = DurationField(
        bounds=INTERVAL, label=_("Interval"), help_text=_("Such as 90s or 1h30m.")
    )

    class Meta:
        model = IntervalSchedule
        fields: tuple[str, ...] = ()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.instance.pk:
            self.initial["interval"] = self.instance.schedule.run_every

    def clean_interval(self) -> timedelta:
        """Set the interval in the largest unit of django-celery-beat that has it as a whole."""
        interval: timedelta = self.cleaned_data["interval"]
        seconds = round(interval.total_seconds())
        period = next(name for name, length in _PERIODS.items() if seconds % length == 0)
        self.instance.every, self.instance.period = seconds // _PERIODS[period], period
        return interval


class CrontabForm(forms.ModelForm):
    """The form of a crontab, which must be in UTC."""

    class Meta:
        model = CrontabSchedule
        fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week", "timezone")

    def clean(self) -> Any:
        """Return the cleaned data. Raise ValidationError if the crontab is not in UTC."""
        cleaned = super().clean() or {}
        if "timezone" in cleaned and not is_in_utc(CrontabSchedule(timezone=cleaned["timezone"])):
            self.add_error("timezone", NOT_IN_UTC)
        return cleaned

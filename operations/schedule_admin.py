"""Beat's schedules in the admin site, limited to what a FIFO queue supports.

django-celery-beat's own forms offer options that a FIFO queue does not support
(`celery_sqs_fifo.running.task.UNSUPPORTED_OPTIONS`) or that a pointer must not have. A schedule
with such an option could be saved, but would fail each time.
"""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.admin import CrontabScheduleAdmin, IntervalScheduleAdmin
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)

from apps.conversations import audit
from apps.conversations.admin.base import Audited, actor
from apps.conversations.models import AuditAction
from tasks.schedules import SCHEDULES, is_in_utc

MIN_INTERVAL = timedelta(seconds=10)
TASKS = {task.name: task for task in SCHEDULES.values()}

# The fields of unsupported options, with the values that they must have.
UNSUPPORTED_FIELDS = {
    "args": "[]",
    "kwargs": "{}",
    "queue": None,
    "exchange": None,
    "routing_key": None,
    "priority": None,
    "headers": "{}",
    "expires": None,
    "expire_seconds": None,
    "solar": None,
    "clocked": None,
    "one_off": False,
}
UNSUPPORTED_EXPLANATION = (
    "A FIFO queue supports no delay, expiry or priority of a message, and these tasks have no "
    "arguments and only one queue. A schedule that sets any of these fails each time and cannot be "
    "changed here: delete it, and run “manage.py provision” to create the service's own again."
)

NOT_IN_UTC = (
    "Crontabs must be in UTC. In a zone with daylight saving time, beat would send nothing for an "
    "hour in autumn."
)

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, ClockedSchedule, SolarSchedule):
    admin.site.unregister(model)


class ScheduleForm(forms.ModelForm):
    """The form of a schedule: a task that beat may send, and when."""

    task = forms.ChoiceField(choices=[(name, name) for name in sorted(TASKS)])

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
        if interval and interval.schedule.run_every < MIN_INTERVAL:
            raise ValidationError(_too_short_sentence())
        return interval

    def clean_crontab(self) -> CrontabSchedule | None:
        """Return the crontab. Raise ValidationError if it is not in UTC."""
        crontab: CrontabSchedule | None = self.cleaned_data["crontab"]
        if crontab and not is_in_utc(crontab):
            raise ValidationError(NOT_IN_UTC)
        return crontab


@admin.register(PeriodicTask)
class ScheduleAdmin(Audited):
    """The schedules of beat, which reads changes within seconds."""

    form = ScheduleForm
    list_display = ("name", "task", "enabled", "interval", "crontab", "last_run_at")
    list_filter = ("enabled",)
    list_select_related = ("interval", "crontab")
    search_fields = ("name", "task")
    ordering = ("name",)
    readonly_fields = ("last_run_at", *UNSUPPORTED_FIELDS)
    fieldsets = (
        (None, {"fields": ("name", "task", "enabled", "description")}),
        (
            "Schedule",
            {
                "fields": ("interval", "crontab", "start_time", "last_run_at"),
                "description": "Choose an interval or a crontab. Times are UTC.",
            },
        ),
        (
            "Not on a FIFO queue",
            {
                "fields": tuple(UNSUPPORTED_FIELDS),
                "description": UNSUPPORTED_EXPLANATION,
                "classes": ("collapse",),
            },
        ),
    )
    actions = ("enable_selected", "disable_selected", "run_selected")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False for a schedule that cannot be corrected here."""
        return super().has_change_permission(request, obj) and not (
            obj and _has_unsupported_fields(obj)
        )

    @admin.action(description="Enable selected schedules", permissions=["change"])
    def enable_selected(self, request: HttpRequest, selected: QuerySet[Any]) -> None:
        """Enable the selected schedules."""
        self._switch(request, selected, enabled=True)

    @admin.action(description="Disable selected schedules", permissions=["change"])
    def disable_selected(self, request: HttpRequest, selected: QuerySet[Any]) -> None:
        """Disable the selected schedules."""
        self._switch(request, selected, enabled=False)

    @admin.action(description="Run selected schedules now, once", permissions=["change"])
    def run_selected(self, request: HttpRequest, selected: QuerySet[Any]) -> None:
        """Send the tasks of the selected schedules to the queue now."""
        for schedule in selected:
            if schedule.task not in TASKS:
                sentence = f"{schedule.name} was not sent: beat may not send its task."
                self.message_user(request, sentence, messages.ERROR)
                continue
            _record(request, AuditAction.RUN, schedule, task=schedule.task)
            try:
                TASKS[schedule.task].apply_async()
            except Exception as error:
                sentence = f"{schedule.name} was not sent: {type(error).__name__}. Try again later."
                self.message_user(request, sentence, messages.ERROR)
            else:
                sentence = f"{schedule.name} was sent. A worker will run it soon."
                self.message_user(request, sentence, messages.SUCCESS)

    def _switch(self, request: HttpRequest, selected: QuerySet[Any], *, enabled: bool) -> None:
        with transaction.atomic():
            schedules = list(selected.exclude(enabled=enabled))
            for schedule in schedules:
                _record(request, AuditAction.CHANGE, schedule, enabled=enabled)
            changed = PeriodicTask.objects.filter(pk__in=[one.pk for one in schedules])
            # As in django-celery-beat, a schedule does not run for the times when it was disabled.
            changed.update(enabled=enabled, last_run_at=None)
            PeriodicTasks.update_changed()
        change = "enabled" if enabled else "disabled"
        sentence = f"{len(schedules)} {change}. Beat reads the change within seconds."
        self.message_user(request, sentence, messages.SUCCESS)


class IntervalForm(forms.ModelForm):
    """The form of an interval, with a minimum."""

    class Meta:
        model = IntervalSchedule
        fields = ("every", "period")

    def clean(self) -> Any:
        """Return the cleaned data. Raise ValidationError if the interval is too short."""
        cleaned = super().clean() or {}
        every, period = cleaned.get("every"), cleaned.get("period")
        if every and period and timedelta(**{period: every}) < MIN_INTERVAL:
            raise ValidationError(_too_short_sentence())
        return cleaned


@admin.register(IntervalSchedule)
class IntervalAdmin(Audited, IntervalScheduleAdmin):
    """Intervals. A change applies to all schedules that use the interval."""

    form = IntervalForm
    inlines = ()


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


@admin.register(CrontabSchedule)
class CrontabAdmin(Audited, CrontabScheduleAdmin):
    """Crontabs. A change applies to all schedules that use the crontab."""

    form = CrontabForm
    inlines = ()


def _has_unsupported_fields(schedule: PeriodicTask) -> bool:
    return any(
        getattr(schedule, name) not in (usual, None, "")
        for name, usual in UNSUPPORTED_FIELDS.items()
    )


def _too_short_sentence() -> str:
    return f"The shortest interval is {MIN_INTERVAL.seconds} seconds."


def _record(
    request: HttpRequest, action: AuditAction, schedule: PeriodicTask, **detail: Any
) -> None:
    audit.record(
        actor=actor(request),
        action=action,
        of=PeriodicTask,
        object_id=schedule.pk,
        schedule=schedule.name,
        **detail,
    )

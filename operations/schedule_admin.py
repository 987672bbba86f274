"""Beat's schedules in the admin site, with only what a FIFO queue can do.

django-celery-beat's own forms offer what `celery_sqs_fifo.running.task.UNSUPPORTED_OPTIONS`
refuses, and what a pointer must not have: such a schedule would be saved, and would fail each time.
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
from tasks.schedules import EVERY_MINUTE

MIN_INTERVAL = timedelta(seconds=10)
TASKS = {task.name: task for task in EVERY_MINUTE.values()}

# What each has in a schedule that a FIFO queue can run.
NOTHING = {
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
WHY_NOT = (
    "A FIFO queue takes no delay, expiry or priority for one message, and these tasks take no "
    "arguments and have one queue. A schedule that has any of this fails each time, and cannot be "
    "changed here: delete it, and “manage.py provision” makes the service's own again."
)

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, ClockedSchedule, SolarSchedule):
    admin.site.unregister(model)


class ScheduleForm(forms.ModelForm):
    """A task that beat may send, and when."""

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
        """Raises ValidationError for one that is too short."""
        interval: IntervalSchedule | None = self.cleaned_data["interval"]
        if interval and interval.schedule.run_every < MIN_INTERVAL:
            raise ValidationError(_too_often())
        return interval


@admin.register(PeriodicTask)
class ScheduleAdmin(Audited):
    """What beat sends. It reads changes within seconds."""

    form = ScheduleForm
    list_display = ("name", "task", "enabled", "interval", "crontab", "last_run_at")
    list_filter = ("enabled",)
    list_select_related = ("interval", "crontab")
    search_fields = ("name", "task")
    ordering = ("name",)
    readonly_fields = ("last_run_at", *NOTHING)
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
            {"fields": tuple(NOTHING), "description": WHY_NOT, "classes": ("collapse",)},
        ),
    )
    actions = ("enable_selected", "disable_selected", "run_selected")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not of one that no change here could mend."""
        return super().has_change_permission(request, obj) and not (obj and _unsuitable(obj))

    @admin.action(description="Enable selected schedules", permissions=["change"])
    def enable_selected(self, request: HttpRequest, selected: QuerySet[Any]) -> None:
        """Have beat send them from now on."""
        self._switch(request, selected, enabled=True)

    @admin.action(description="Disable selected schedules", permissions=["change"])
    def disable_selected(self, request: HttpRequest, selected: QuerySet[Any]) -> None:
        """Have beat send them no more."""
        self._switch(request, selected, enabled=False)

    @admin.action(description="Run selected schedules now, once", permissions=["change"])
    def run_selected(self, request: HttpRequest, selected: QuerySet[Any]) -> None:
        """Put them on the queue; a worker runs them in their turn."""
        for schedule in selected:
            if schedule.task not in TASKS:
                sentence = f"{schedule.name} was not sent: its task is none that beat may send."
                self.message_user(request, sentence, messages.ERROR)
                continue
            _record(request, AuditAction.RUN, schedule, task=schedule.task)
            try:
                TASKS[schedule.task].apply_async()
            except Exception as error:
                sentence = f"{schedule.name} was not sent: {type(error).__name__}. Try again later."
                self.message_user(request, sentence, messages.ERROR)
            else:
                sentence = f"{schedule.name} was sent; a worker runs it in a moment."
                self.message_user(request, sentence, messages.SUCCESS)

    def _switch(self, request: HttpRequest, selected: QuerySet[Any], *, enabled: bool) -> None:
        with transaction.atomic():
            schedules = list(selected.exclude(enabled=enabled))
            for schedule in schedules:
                _record(request, AuditAction.CHANGE, schedule, enabled=enabled)
            changed = PeriodicTask.objects.filter(pk__in=[one.pk for one in schedules])
            # As django-celery-beat does it: what is enabled again is not run for what it missed.
            changed.update(enabled=enabled, last_run_at=None)
            PeriodicTasks.update_changed()
        sentence = f"{len(schedules)} {'enabled' if enabled else 'disabled'}; beat is told."
        self.message_user(request, sentence, messages.SUCCESS)


class IntervalForm(forms.ModelForm):
    """An interval that the queue can bear."""

    class Meta:
        model = IntervalSchedule
        fields = ("every", "period")

    def clean(self) -> Any:
        """Raises ValidationError for one that is too short."""
        cleaned = super().clean() or {}
        every, period = cleaned.get("every"), cleaned.get("period")
        if every and period and timedelta(**{period: every}) < MIN_INTERVAL:
            raise ValidationError(_too_often())
        return cleaned


@admin.register(IntervalSchedule)
class IntervalAdmin(Audited, IntervalScheduleAdmin):
    """Intervals, and the schedules that use them: changing one changes all these."""

    form = IntervalForm
    inlines = ()


@admin.register(CrontabSchedule)
class CrontabAdmin(Audited, CrontabScheduleAdmin):
    """Crontabs, and the schedules that use them: changing one changes all these."""

    inlines = ()


def _unsuitable(schedule: PeriodicTask) -> bool:
    return any(getattr(schedule, name) not in (usual, None, "") for name, usual in NOTHING.items())


def _too_often() -> str:
    return f"Not more often than every {MIN_INTERVAL.seconds} seconds."


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

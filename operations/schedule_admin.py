"""Beat's schedules in the admin site, limited to what a FIFO queue supports.

django-celery-beat's own forms offer options that a FIFO queue does not support
(`celery_sqs_fifo.running.task.UNSUPPORTED_OPTIONS`) or that a pointer must not have. A schedule
with such an option could be saved, but would fail each time.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
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
from apps.conversations.admin.base import Audited, WideAdmin, actor
from apps.conversations.admin.cells import age
from apps.conversations.admin.links import Link, Reference
from apps.conversations.audit_models import AuditAction
from operations.schedule_forms import (
    TASKS,
    CrontabForm,
    IntervalChoice,
    IntervalForm,
    ScheduleForm,
    interval_as_text,
)

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
UNSUPPORTED_EXPLANATION = _(
    "A FIFO queue supports no delay, expiry or priority of a message, and these tasks have no "
    "arguments and only one queue. A schedule that sets any of these fails each time and cannot be "
    "changed here: delete it, and run “manage.py provision” to create the service's own again."
)

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, ClockedSchedule, SolarSchedule):
    admin.site.unregister(model)


@admin.register(PeriodicTask)
class ScheduleAdmin(Audited, WideAdmin):
    """The schedules of beat, which reads changes within seconds."""

    form = ScheduleForm
    list_display = ("name", "enabled", "when", "last_run", "task_name")
    links: ClassVar[Mapping[str, Link]] = {
        "interval": Link(
            title=_("interval"),
            model=IntervalSchedule,
            of=lambda schedule: (
                Reference(schedule.interval_id, interval_as_text(schedule.interval))
                if schedule.interval
                else None
            ),
        ),
        "crontab": Link(
            title=_("crontab"),
            model=CrontabSchedule,
            of=lambda schedule: (
                Reference(schedule.crontab_id, str(schedule.crontab)) if schedule.crontab else None
            ),
        ),
    }
    list_filter = ("enabled",)
    list_select_related = ("interval", "crontab")
    search_fields = ("name", "task")
    ordering = ("name",)
    readonly_fields = ("last_run_at", *UNSUPPORTED_FIELDS)
    fieldsets = (
        (None, {"fields": ("name", "task", "enabled", "description")}),
        (
            _("Schedule"),
            {
                "fields": ("interval", "crontab", "start_time", "last_run_at"),
                "description": _("Choose an interval or a crontab. Times are UTC."),
            },
        ),
        (
            _("Not on a FIFO queue"),
            {
                "fields": tuple(UNSUPPORTED_FIELDS),
                "description": UNSUPPORTED_EXPLANATION,
                "classes": ("collapse",),
            },
        ),
    )
    actions = ("enable_selected", "disable_selected", "run_selected")

    @admin.display(description=_("when"))
    def when(self, schedule: PeriodicTask) -> str:
        """Return the interval, or the crontab with its zone."""
        if schedule.interval:
            return gettext("every %(interval)s") % {"interval": interval_as_text(schedule.interval)}
        return str(schedule.crontab or schedule.solar or schedule.clocked)

    @admin.display(description=_("last run"), ordering="last_run_at")
    def last_run(self, schedule: PeriodicTask) -> str | None:
        """Return how long ago beat sent the task last."""
        return age(schedule.last_run_at) if schedule.last_run_at else None

    @admin.display(description=_("task"), ordering="task")
    def task_name(self, schedule: PeriodicTask) -> str:
        """Return the name of the task. django-celery-beat does not translate its label."""
        return str(schedule.task)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Return the field of a form. Intervals are shown as operators write them."""
        if db_field.name == "interval":
            options["form_class"] = IntervalChoice
        return super().formfield_for_foreignkey(db_field, request, **options)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False for a schedule that cannot be corrected here."""
        return super().has_change_permission(request, obj) and not (
            obj and _has_unsupported_fields(obj)
        )

    @admin.action(description=_("Enable selected schedules"), permissions=["change"])
    def enable_selected(self, request: HttpRequest, selected: QuerySet[Any]) -> None:
        """Enable the selected schedules."""
        self._switch(request, selected, enabled=True)

    @admin.action(description=_("Disable selected schedules"), permissions=["change"])
    def disable_selected(self, request: HttpRequest, selected: QuerySet[Any]) -> None:
        """Disable the selected schedules."""
        self._switch(request, selected, enabled=False)

    @admin.action(description=_("Run selected schedules now, once"), permissions=["change"])
    def run_selected(self, request: HttpRequest, selected: QuerySet[Any]) -> None:
        """Send the tasks of the selected schedules to the queue now."""
        for schedule in selected:
            if schedule.task not in TASKS:
                sentence = gettext("%(schedule)s was not sent: beat may not send its task.")
                sentence %= {"schedule": schedule.name}
                self.message_user(request, sentence, messages.ERROR)
                continue
            _record(request, AuditAction.RUN, schedule, task=schedule.task)
            try:
                TASKS[schedule.task].apply_async()
            except Exception as error:
                sentence = gettext("%(schedule)s was not sent: %(error)s. Try again later.")
                sentence %= {"schedule": schedule.name, "error": type(error).__name__}
                self.message_user(request, sentence, messages.ERROR)
            else:
                sentence = gettext("%(schedule)s was sent. A worker will run it soon.")
                sentence %= {"schedule": schedule.name}
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
        number = len(schedules)
        sentence = (
            ngettext(
                "%(count)d enabled. Beat reads the change within seconds.",
                "%(count)d enabled. Beat reads the change within seconds.",
                number,
            )
            if enabled
            else ngettext(
                "%(count)d disabled. Beat reads the change within seconds.",
                "%(count)d disabled. Beat reads the change within seconds.",
                number,
            )
        )
        self.message_user(request, sentence % {"count": number}, messages.SUCCESS)


@admin.register(IntervalSchedule)
class IntervalAdmin(Audited, IntervalScheduleAdmin):
    """Intervals. A change applies to all schedules that use the interval."""

    form = IntervalForm
    inlines = ()
    list_display = ("interval",)

    @admin.display(description=_("interval"))
    def interval(self, schedule: IntervalSchedule) -> str:
        """Return the interval as operators write it."""
        return interval_as_text(schedule)


@admin.register(CrontabSchedule)
class CrontabAdmin(Audited, CrontabScheduleAdmin):
    """Crontabs. A change applies to all schedules that use the crontab.

    They are shown as they are entered. django-celery-beat's sentences for them are in English.
    """

    form = CrontabForm
    list_display = ("__str__",)
    fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week", "timezone")
    readonly_fields = ()
    inlines = ()


def _has_unsupported_fields(schedule: PeriodicTask) -> bool:
    return any(
        getattr(schedule, name) not in (usual, None, "")
        for name, usual in UNSUPPORTED_FIELDS.items()
    )


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

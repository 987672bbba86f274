"""The query in the address of a console page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy, ngettext

from apps.analytics.figures import ChannelCount, Period, Scope, local_today, texts
from apps.conversations.project_models import Project

DEFAULT_DAYS = 7
PRESETS = (7, 30)


class _Movable(Protocol):
    """A query that can be asked for another period."""

    def of(self, period: Period) -> Self:
        """Return the same query for another period."""


AnyQuery = TypeVar("AnyQuery", bound=_Movable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The scope and the period of the figures."""

    project: Project | None
    scope: Scope
    period: Period

    def of(self, period: Period) -> Self:
        """Return the same query for another period."""
        return replace(self, period=period)

    @property
    def url(self) -> str:
        """The address of the page with the figures."""
        return f"{reverse('admin:analytics_console')}?{urlencode(self.parameters)}"

    @property
    def projects_url(self) -> str:
        """The address of the page that compares projects, for the same period."""
        return f"{reverse('admin:analytics_console_projects')}?{urlencode(days_of(self.period))}"

    def csv_url(self, table: str) -> str:
        """Return the address of a table as a CSV file."""
        parameters = {**self.parameters, "table": table}
        return f"{reverse('admin:analytics_console_csv')}?{urlencode(parameters)}"

    def drilldown_url(self, *, of: str, **selection: int) -> str:
        """Return the address of the drill-down page of a bar."""
        parameters = {**self.parameters, "of": of, **selection}
        return f"{reverse('admin:analytics_console_drilldown')}?{urlencode(parameters)}"

    @property
    def parameters(self) -> dict[str, str]:
        """The fields of `QueryForm`."""
        scope = {"project": self.scope.project, "channel": self.scope.channel}
        return {
            **{name: str(uuid) for name, uuid in scope.items() if uuid},
            **days_of(self.period),
        }


def days_of(period: Period) -> dict[str, str]:
    """Return the fields of `PeriodForm`."""
    return {"first": period.first.isoformat(), "last": period.last.isoformat()}


class PeriodForm(forms.Form):
    """The first and the last day; by default the last seven days, today included."""

    first = forms.DateField(required=False, label=gettext_lazy("From"))
    last = forms.DateField(required=False, label=gettext_lazy("To"))

    def __init__(self, *arguments: Any, now: datetime, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._now = now
        for name in ("first", "last"):
            self.fields[name].widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})

    def clean(self) -> dict[str, Any]:
        """Return the fields with the period. Raise ValidationError if the days form no period."""
        fields = self.cleaned_data
        if not self.errors:
            last = fields["last"] or self._last_day()
            try:
                first = fields["first"] or Period.of_days(DEFAULT_DAYS, last=last).first
                fields["period"] = Period(first=first, last=last)
            except ValueError as error:
                raise ValidationError(str(error)) from error
        return fields

    @property
    def scope(self) -> Scope:
        """The scope of a form without errors in its fields."""
        return Scope()

    def _last_day(self) -> date:
        _, today = local_today(scope=self.scope, now=self._now)
        first: date | None = self.cleaned_data["first"]
        return max(first, today) if first else today


class QueryForm(PeriodForm):
    """Project, channel and period."""

    project = forms.ModelChoiceField(
        Project.objects.order_by("name", "uuid"),
        required=False,
        label=gettext_lazy("Project"),
        empty_label=gettext_lazy("All projects"),
    )
    channel = forms.UUIDField(required=False, label=gettext_lazy("Channel"), widget=forms.Select())
    field_order = ("project", "channel")

    def offer(self, channels: Sequence[ChannelCount]) -> None:
        """Offer these channels, and the one that is selected even if it had no conversations."""
        choices = {str(one.channel): _channel_text(one) for one in channels}
        selected = self["channel"].value()
        if selected and selected not in choices:
            choices[selected] = gettext("%(channel)s: no conversations") % {"channel": selected}
        widget = self.fields["channel"].widget
        widget.choices = [
            ("", gettext("All channels") if choices else gettext("All (choose a project first)")),
            *choices.items(),
        ]
        widget.attrs["disabled"] = not choices

    @property
    def query(self) -> Query:
        """The query of a valid form."""
        return Query(
            project=self.cleaned_data["project"],
            scope=self.scope,
            period=self.cleaned_data["period"],
        )

    @property
    def scope(self) -> Scope:
        """The scope of a form without errors in its fields."""
        project: Project | None = self.cleaned_data["project"]
        return Scope(
            project=project.uuid if project else None, channel=self.cleaned_data["channel"]
        )


class TableForm(QueryForm):
    """The fields of the address of a CSV file."""

    table = forms.SlugField()


def presets(query: AnyQuery, *, today: date) -> list[tuple[str, AnyQuery]]:
    """Return the preset periods, with their labels, for the rest of the query."""
    return [
        (
            ngettext("Last %(days)s day", "Last %(days)s days", days) % {"days": days},
            query.of(Period.of_days(days, last=today)),
        )
        for days in PRESETS
    ]


def _channel_text(count: ChannelCount) -> str:
    return gettext("%(channel)s: %(opened)s opened, %(closed)s closed") % {
        "channel": count.channel,
        "opened": texts.whole(count.opened),
        "closed": texts.whole(count.closed),
    }

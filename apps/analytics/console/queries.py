"""The query in the address of a console page."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse

from apps.analytics.figures import Period, Scope, local_today
from apps.conversations.models import Project

DEFAULT_DAYS = 7
PRESETS = (7, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The scope and the period of the figures."""

    project: Project | None
    scope: Scope
    period: Period

    def of(self, period: Period) -> "Query":
        """Return the same query for another period."""
        return replace(self, period=period)

    @property
    def url(self) -> str:
        """The address of the page with the figures."""
        return f"{reverse('admin:analytics_console')}?{urlencode(self.parameters)}"

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
            "first": self.period.first.isoformat(),
            "last": self.period.last.isoformat(),
        }


class QueryForm(forms.Form):
    """Project, channel and period; the default period is the last seven days, today included."""

    project = forms.ModelChoiceField(
        Project.objects.order_by("name", "uuid"), required=False, empty_label="All projects"
    )
    channel = forms.UUIDField(
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "all", "autocomplete": "off"}),
    )
    first = forms.DateField(required=False, label="From")
    last = forms.DateField(required=False, label="To")

    def __init__(self, *arguments: Any, now: datetime, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._now = now
        for name in ("first", "last"):
            self.fields[name].widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})

    def clean(self) -> dict[str, Any]:
        """Return the fields with the period. Raise ValidationError if the days form no period."""
        fields = self.cleaned_data
        if "first" in fields and "last" in fields and "project" in fields:
            last = fields["last"] or self._last_day()
            try:
                first = fields["first"] or Period.of_days(DEFAULT_DAYS, last=last).first
                fields["period"] = Period(first=first, last=last)
            except ValueError as error:
                raise ValidationError(str(error)) from error
        return fields

    @property
    def query(self) -> Query:
        """The query of a valid form."""
        return Query(
            project=self.cleaned_data["project"],
            scope=self._scope,
            period=self.cleaned_data["period"],
        )

    @property
    def _scope(self) -> Scope:
        fields = self.cleaned_data
        project: Project | None = fields["project"]
        return Scope(project=project.uuid if project else None, channel=fields.get("channel"))

    def _last_day(self) -> date:
        _, today = local_today(scope=self._scope, now=self._now)
        first: date | None = self.cleaned_data["first"]
        return max(first, today) if first else today


def presets(query: Query, *, today: date) -> list[tuple[str, Query]]:
    """Return the preset periods, with their labels, for the query's project and channel."""
    return [(f"Last {days} days", query.of(Period.of_days(days, last=today))) for days in PRESETS]

"""The drill-down page of a bar or a card: its address, and the rows that it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from apps.analytics.console.buckets import long_date, name
from apps.analytics.console.charts_of_counts import hours
from apps.analytics.console.drilldown import ListedRow, Position, Selection, drilldown_rows
from apps.analytics.console.queries import Query, QueryForm
from apps.analytics.figures.results import CSAT_SCORES, HOURS, NPS_SCORES, RESOLUTIONS
from apps.analytics.models import SurveyAnswer
from apps.common.console_access import readable
from apps.conversations.models import Conversation, Resolution

PAGE_LENGTH = 50

_KINDS = {
    "csat": gettext_lazy("CSAT answers"),
    "nps": gettext_lazy("NPS answers"),
    "opened": gettext_lazy("Conversations opened"),
    "closed": gettext_lazy("Conversations closed"),
}


# The fields of an address that select a bar; `Selection` has the same fields.
FILTERS = ("score", "hour", "resolution", "outreach")


class DrilldownForm(QueryForm):
    """The fields of the page's address: a query, a bar, and the row after which the page begins."""

    of = forms.ChoiceField(choices=list(_KINDS.items()))
    score = forms.IntegerField(required=False, min_value=NPS_SCORES[0], max_value=NPS_SCORES[-1])
    hour = forms.IntegerField(required=False, min_value=HOURS[0], max_value=HOURS[-1])
    resolution = forms.TypedChoiceField(
        choices=[(one.value, one.label) for one in RESOLUTIONS],
        coerce=int,
        empty_value=None,
        required=False,
    )
    outreach = forms.TypedChoiceField(
        choices=[(1, gettext_lazy("outreach"))], coerce=int, empty_value=None, required=False
    )
    after = forms.CharField(required=False, max_length=100)

    def clean(self) -> dict[str, Any]:
        """Add an error for each field that this kind of bar does not have."""
        fields = super().clean()
        allowed = {
            "csat": {"score"},
            "nps": {"score"},
            "opened": {"hour"},
            "closed": {"resolution", "outreach"},
        }
        kind = fields.get("of", "")
        for field in set(FILTERS) - allowed.get(kind, set()):
            if fields.get(field) is not None:
                self.add_error(field, gettext("This list cannot be filtered by this field."))
        if kind == "csat" and fields.get("score") not in (None, *CSAT_SCORES):
            self.add_error("score", gettext("CSAT has scores from 1 to 5."))
        after = fields.get("after")
        if after and isinstance(after.key, int) != (kind in ("csat", "nps")):
            self.add_error("after", gettext("This position is in another list."))
        return fields

    def clean_after(self) -> Position | None:
        """Return the position. Raise ValidationError if it is not a time and a key."""
        text: str = self.cleaned_data["after"]
        if not text:
            return None
        at, _, key = text.partition("_")
        try:
            position = Position(
                at=datetime.fromisoformat(at), key=int(key) if key.isdecimal() else UUID(key)
            )
            if position.at.utcoffset() is None:
                raise ValueError("no offset")
        except ValueError as error:
            text = gettext("This is not a position in the list.")
            raise forms.ValidationError(text) from error
        return position

    @property
    def selection(self) -> Selection:
        """The selection of a valid form."""
        return Selection(**{name: self.cleaned_data[name] for name in ("of", *FILTERS)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of the page. Times are in the time zone of the row's project."""

    at: datetime
    when: str
    score: int | None
    project: str
    contact_name: str
    conversation: Conversation | None
    transcript_url: str
    resolution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of rows. `next_url` is "" on the last page."""

    title: str
    subtitle: str
    lines: Sequence[Line]
    is_of_answers: bool
    next_url: str


def drilldown_page(form: DrilldownForm) -> Page:
    """Return the page for a valid form."""
    query, selection = form.query, form.selection
    rows = drilldown_rows(
        query,
        selection=selection,
        after=form.cleaned_data["after"],
        limit=PAGE_LENGTH + 1,
    )
    shown = rows[:PAGE_LENGTH]
    is_of_answers = selection.of in ("csat", "nps")
    return Page(
        title=str(_KINDS[selection.of]),
        subtitle=", ".join([name(query.period), *_selection_in_words(selection)]),
        lines=_answers(shown) if is_of_answers else _conversations(shown),
        is_of_answers=is_of_answers,
        next_url=_next_url(query, selection, shown[-1]) if len(rows) > PAGE_LENGTH else "",
    )


def _selection_in_words(selection: Selection) -> list[str]:
    words = []
    if selection.score is not None:
        words.append(gettext("score %(score)s") % {"score": selection.score})
    if selection.hour is not None:
        words.append(hours(selection.hour))
    if selection.resolution is not None:
        words.append(str(Resolution(selection.resolution).label).lower())
    if selection.outreach:
        words.append(gettext("outreach: the contact never wrote"))
    return words


def _answers(rows: Sequence[ListedRow]) -> list[Line]:
    answers = SurveyAnswer.objects.select_related("project", "conversation").in_bulk(
        [row.key for row in rows]
    )
    return [
        _line(row, project=answer.project, conversation=answer.conversation, score=answer.score)
        for row in rows
        # An answer may have been erased since the rows were read.
        if (answer := answers.get(row.key))
    ]


def _conversations(rows: Sequence[ListedRow]) -> list[Line]:
    conversations = Conversation.objects.select_related("project").in_bulk(
        [row.key for row in rows]
    )
    return [
        _line(row, project=conversation.project, conversation=conversation, score=None)
        for row in rows
        if (conversation := conversations.get(row.key))
    ]


def _line(row: ListedRow, *, project: Any, conversation: Any, score: int | None) -> Line:
    at = row.at.astimezone(ZoneInfo(project.timezone))
    return Line(
        at=at,
        when=f"{long_date(at.date())}, {at:%H:%M}",
        score=score,
        project=str(project),
        contact_name=readable(conversation.contact_name) if conversation else "",
        conversation=conversation,
        transcript_url=(
            reverse("admin:conversation_messages_transcript", args=[conversation.uuid])
            if conversation
            else ""
        ),
        resolution=_resolution(row, conversation) if conversation else "",
    )


def _resolution(row: ListedRow, conversation: Conversation) -> str:
    """Return the resolution of the closing that is listed, or else that of the conversation."""
    resolution = conversation.resolution if row.resolution is None else row.resolution
    return str(Resolution(resolution).label)


def _next_url(query: Query, selection: Selection, last: Position) -> str:
    parameters: dict[str, Any] = {**query.parameters, "of": selection.of}
    for field in FILTERS:
        value = getattr(selection, field)
        if value is not None:
            parameters[field] = value
    parameters["after"] = f"{last.at.isoformat()}_{last.key}"
    return f"{reverse('admin:analytics_console_drilldown')}?{urlencode(parameters)}"

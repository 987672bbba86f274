"""The conversations behind a bar, as a page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.urls import reverse

from apps.analytics.console.buckets import long_date, name
from apps.analytics.console.drilldown import Position, Selection, drilldown_rows
from apps.analytics.console.queries import Query, QueryForm
from apps.analytics.figures.results import CSAT_SCORES, HOURS, NPS_SCORES, RESOLUTIONS
from apps.analytics.models import SurveyAnswer
from apps.common.console_access import readable
from apps.conversations.models import Conversation, Resolution

PAGE_LENGTH = 50

_KINDS = {
    "csat": "CSAT answers",
    "nps": "NPS answers",
    "opened": "Conversations opened",
    "closed": "Conversations closed",
}


class ListForm(QueryForm):
    """A query, which bar is meant, and after which row the page begins."""

    of = forms.ChoiceField(choices=list(_KINDS.items()))
    score = forms.IntegerField(required=False, min_value=NPS_SCORES[0], max_value=NPS_SCORES[-1])
    hour = forms.IntegerField(required=False, min_value=HOURS[0], max_value=HOURS[-1])
    resolution = forms.TypedChoiceField(
        choices=[(one.value, one.label) for one in RESOLUTIONS],
        coerce=int,
        empty_value=None,
        required=False,
    )
    after = forms.CharField(required=False, max_length=100)

    def clean(self) -> dict[str, Any]:
        """Only what the kind of bar has can be selected."""
        fields = super().clean()
        allowed = {
            "csat": {"score"},
            "nps": {"score"},
            "opened": {"hour"},
            "closed": {"resolution"},
        }
        kind = fields.get("of", "")
        for field in {"score", "hour", "resolution"} - allowed.get(kind, set()):
            if fields.get(field) is not None:
                self.add_error(field, "This kind of list cannot be selected by it.")
        if kind == "csat" and fields.get("score") not in (None, *CSAT_SCORES):
            self.add_error("score", "CSAT has scores from 1 to 5.")
        after = fields.get("after")
        if after and isinstance(after.key, int) != (kind in ("csat", "nps")):
            self.add_error("after", "This is a place in another list.")
        return fields

    def clean_after(self) -> Position | None:
        """Raises ValidationError for what is no time and key."""
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
            raise forms.ValidationError("This is no place in the list.") from error
        return position

    @property
    def selection(self) -> Selection:
        """What a valid form selects."""
        names = ("of", "score", "hour", "resolution")
        return Selection(**{one: self.cleaned_data[one] for one in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row: what was counted, when in its project's time zone, and its conversation."""

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
    """Some rows of a list, and where the next ones are."""

    title: str
    of_what: str
    lines: Sequence[Line]
    is_of_answers: bool
    next_url: str


def drilldown_page(form: ListForm) -> Page:
    """The page that a valid form asks for."""
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
        title=_KINDS[selection.of],
        of_what=", ".join([name(query.period), *_selected(selection)]),
        lines=_answers(shown) if is_of_answers else _conversations(shown),
        is_of_answers=is_of_answers,
        next_url=_next_url(query, selection, shown[-1]) if len(rows) > PAGE_LENGTH else "",
    )


def _selected(selection: Selection) -> list[str]:
    said = []
    if selection.score is not None:
        said.append(f"score {selection.score}")
    if selection.hour is not None:
        said.append(f"{selection.hour:02d}:00 to {selection.hour:02d}:59")
    if selection.resolution is not None:
        said.append(Resolution(selection.resolution).label.lower())
    return said


def _answers(rows: Sequence[Position]) -> list[Line]:
    answers = SurveyAnswer.objects.select_related("project", "conversation").in_bulk(
        [row.key for row in rows]
    )
    return [
        _line(row, project=answer.project, conversation=answer.conversation, score=answer.score)
        for row in rows
        # One may have been erased since.
        if (answer := answers.get(row.key))
    ]


def _conversations(rows: Sequence[Position]) -> list[Line]:
    conversations = Conversation.objects.select_related("project").in_bulk(
        [row.key for row in rows]
    )
    return [
        _line(row, project=conversation.project, conversation=conversation, score=None)
        for row in rows
        if (conversation := conversations.get(row.key))
    ]


def _line(row: Position, *, project: Any, conversation: Any, score: int | None) -> Line:
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
        resolution=conversation.get_resolution_display() if conversation else "",
    )


def _next_url(query: Query, selection: Selection, last: Position) -> str:
    parameters: dict[str, Any] = {**query.parameters, "of": selection.of}
    for field in ("score", "hour", "resolution"):
        value = getattr(selection, field)
        if value is not None:
            parameters[field] = value
    parameters["after"] = f"{last.at.isoformat()}_{last.key}"
    return f"{reverse('admin:analytics_console_behind')}?{urlencode(parameters)}"

"""Rows that name a project by its UUID. There may be no such project."""

from typing import Any, TypeVar

from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from apps.conversations.admin.links import Link, Reference
from apps.conversations.project_models import Project
from apps.conversations.project_settings import parse_uuid
from apps.messages.producer_problems import NO_PROJECT

Row = TypeVar("Row", bound=Model)


def with_project_names(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows with the names of their projects, or None where there is no such project."""
    names = Project.objects.filter(uuid=OuterRef("project_uuid")).values("name")
    named: QuerySet[Any] = rows.annotate(project_name=Subquery(names[:1]))
    return named


def of_project(rows: QuerySet[Row], text: str) -> QuerySet[Row]:
    """Return the rows of the project with this UUID; none if the text is not a UUID."""
    try:
        return rows.filter(project_uuid=parse_uuid(text))
    except ValueError:
        return rows.none()


def _reference(row: Any) -> Reference | None:
    if row.project_uuid in (None, NO_PROJECT):
        return None
    name = row.project_name
    return Reference(row.project_uuid, name or "", is_stored=name is not None)


NAMED_PROJECT = Link(title=_("project"), model=Project, of=_reference)

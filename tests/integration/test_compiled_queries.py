"""Queries that Django compiles once find what the same queries find that it compiles each time."""

from uuid import uuid4

import pytest
from django.db.models import Q, QuerySet

from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.conversations.project_models import Project

pytestmark = pytest.mark.django_db


def test_each_run_has_values_of_its_own() -> None:
    first, second = (Project.objects.create(uuid=uuid4(), name=name) for name in ("A", "B"))
    by_uuid = CompiledQuery(lambda: Project.objects.filter(uuid=Parameter("uuid")))
    assert [by_uuid.first(uuid=one.uuid) for one in (second, first)] == [second, first]
    assert by_uuid.first(uuid=uuid4()) is None


def test_a_parameter_may_occur_several_times_and_beside_constants() -> None:
    named = [Project.objects.create(uuid=uuid4(), name=name) for name in ("A", "B", "C")]
    Project.objects.create(uuid=uuid4(), name="A", timezone="UTC", moving_since="2026-03-01T00:00Z")
    not_moving = CompiledQuery(
        lambda: (
            Project.objects.filter(
                Q(name__lt=Parameter("name")) | Q(name=Parameter("name")), moving_since=None
            )
            .exclude(uuid=Parameter("excluded"))
            .order_by("-name")[:2]
        )
    )
    assert not_moving.all(name="C", excluded=uuid4()) == [named[2], named[1]]
    assert not_moving.all(name="C", excluded=named[2].uuid) == [named[1], named[0]]


def test_rows_have_the_values_of_the_driver() -> None:
    project = Project.objects.create(uuid=uuid4(), name="A")
    names = CompiledQuery(
        lambda: Project.objects.filter(uuid=Parameter("uuid")).values_list("uuid", "name")
    )
    assert names.rows(uuid=project.uuid) == [(project.uuid, "A")]


def test_it_is_compiled_once() -> None:
    compiled = []

    def by_uuid() -> QuerySet[Project]:
        compiled.append(True)
        return Project.objects.filter(uuid=Parameter("uuid"))

    query = CompiledQuery(by_uuid)
    for _ in range(3):
        query.first(uuid=uuid4())
    assert len(compiled) == 1

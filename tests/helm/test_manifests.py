"""All manifests are valid for Kubernetes, the Prometheus operator and KEDA."""

import json
from typing import Any

import kubernetes_validate
import pytest
from helm_python.chart import lint
from jsonschema import Draft202012Validator

from tests.helm.rendering import CHART, RELEASE, VALUE_SETS, Manifest, manifests, of_kind, values_of
from tests.support.pages import ROOT

SCHEMAS = {
    path.stem: json.loads(path.read_text()) for path in (ROOT / "deploy/schemas").glob("*.json")
}
# The oldest version that the chart allows, and the newest one that has schemas.
VERSIONS = ("1.27", "1.37")


def named(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", VALUE_SETS)
def test_kubernetes_accepts_every_manifest(values: str, version: str) -> None:
    built_in = [one for one in manifests(values) if one["kind"] not in SCHEMAS]
    assert len(built_in) >= 3
    for manifest in built_in:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            pytest.fail(f"{named(manifest)}: {list(error.path)}: {error.message}")


@pytest.mark.parametrize("kind", SCHEMAS)
def test_operators_accept_every_custom_resource(kind: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[kind])
    found = of_kind(kind)
    assert found
    for manifest in found.values():
        Draft202012Validator(SCHEMAS[kind]).validate(manifest)


@pytest.mark.parametrize(
    "change",
    [
        {"pollingIntervall": 30},
        {"fallback": {"replicas": 2}},
        {"triggers": [{"type": "prometheus", "name": "groups", "metadata": {}}]},
    ],
    ids=["a field that does not exist", "a field that is missing", "metadata that are missing"],
)
def test_a_wrong_custom_resource_is_refused(change: dict[str, Any]) -> None:
    (scaled,) = of_kind("ScaledObject").values()

    assert not Draft202012Validator(SCHEMAS["ScaledObject"]).is_valid(
        scaled | {"spec": scaled["spec"] | change}
    )


def test_custom_resources_are_made_only_on_request() -> None:
    assert SCHEMAS.keys() & {one["kind"] for one in manifests("minimal")} == set()


@pytest.mark.parametrize("values", VALUE_SETS)
def test_helm_lint_finds_nothing(values: str) -> None:
    report = lint(CHART, values_of(values), strict=True, namespace=RELEASE["namespace"])

    # Severity 1 is information: no icon.
    assert [one for one in report["messages"] if one["severity"] > 1] == []
    assert report["errors"] == []


@pytest.mark.parametrize("values", VALUE_SETS)
def test_every_resource_has_a_name_of_its_own(values: str) -> None:
    names = [named(one) for one in manifests(values)]
    assert len(set(names)) == len(names)


def test_the_newest_version_with_schemas_is_checked() -> None:
    assert VERSIONS[-1] == kubernetes_validate.latest_version().removesuffix(".0")
    assert f'">={VERSIONS[0]}.0-0"' in (CHART / "Chart.yaml").read_text()

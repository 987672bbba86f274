"""Pods have the least privileges and the resources that they need."""

import json
import re
from tempfile import gettempdir

import pytest

from apps.common.version import VERSION
from tests.helm.rendering import VALUE_SETS, containers, of_kind, pods
from tests.support.pages import page

PROGRAMS = {"worker", "beat", "flower", "admin", "migration"}
EVERY_POD = [(values, program) for values in VALUE_SETS for program in pods(values)]
each_pod = pytest.mark.parametrize(("values", "program"), EVERY_POD)


def test_every_program_has_pods() -> None:
    assert pods().keys() == PROGRAMS
    assert pods("minimal").keys() == PROGRAMS - {"flower"}
    assert pods("workers-only").keys() == {"worker"}


@each_pod
def test_a_pod_keeps_the_restricted_security_standard(values: str, program: str) -> None:
    """See Kubernetes, "Pod Security Standards"."""
    pod = pods(values)[program]
    security = pod["spec"]["securityContext"]

    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(pod):
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }


def test_pods_run_as_the_user_of_the_image() -> None:
    (user,) = re.findall(r"^USER (1\d+:\d+)$", page("Dockerfile"), flags=re.MULTILINE)
    for pod in pods().values():
        security = pod["spec"]["securityContext"]
        assert f"{security['runAsUser']}:{security['runAsGroup']}" == user
        assert security["fsGroup"] == security["runAsGroup"]


@each_pod
def test_a_pod_writes_only_to_a_small_folder_in_memory(values: str, program: str) -> None:
    pod = pods(values)[program]

    assert pod["spec"]["volumes"][0] == {
        "name": "tmp",
        "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"},
    }
    for container in containers(pod):
        (mount,) = (one for one in container["volumeMounts"] if one["name"] == "tmp")
        assert mount["mountPath"] == gettempdir()


def test_only_workers_get_the_volume_of_the_lake() -> None:
    (worker,) = containers(pods("workers-only")["worker"])

    assert worker["volumeMounts"][-1] == {"name": "lake", "mountPath": "/var/lib/conversations"}
    assert "service /var/lib/conversations" in page("Dockerfile")
    for pod in pods().values():
        assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["tmp", "secrets"]


@each_pod
def test_a_pod_gets_neither_a_token_nor_variables_of_services(values: str, program: str) -> None:
    """A service named "worker" would set WORKER_PORT, which the settings do not know."""
    pod = pods(values)[program]["spec"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False


def test_every_program_has_a_service_account_for_its_role() -> None:
    accounts = of_kind("ServiceAccount")

    assert accounts.keys() == PROGRAMS
    for program, pod in pods().items():
        assert pod["spec"]["serviceAccountName"] == accounts[program]["metadata"]["name"]
    role = "eks.amazonaws.com/role-arn"
    assert accounts["worker"]["metadata"]["annotations"][role].endswith(":role/worker")
    assert accounts["migration"]["metadata"]["annotations"][role].endswith(":role/provision")


def test_an_existing_service_account_is_used_and_not_made() -> None:
    assert pods("workers-only")["worker"]["spec"]["serviceAccountName"] == "existing"
    assert of_kind("ServiceAccount", name="workers-only") == {}


@each_pod
def test_a_container_requests_cpu_and_memory_and_limits_memory(values: str, program: str) -> None:
    for container in containers(pods(values)[program]):
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"memory"}


def test_the_image_is_named_by_tag_or_by_digest() -> None:
    images = {name: containers(pods(name)["worker"])[0]["image"] for name in VALUE_SETS}

    assert images["minimal"] == f"registry.example.org/conversations:{VERSION}"
    assert images["everything"] == "registry.example.org/conversations:1.2.3"
    assert images["workers-only"].startswith("registry.example.org/conversations@sha256:")


def test_values_for_all_pods_are_in_each_of_them() -> None:
    for pod in pods().values():
        assert pod["metadata"]["labels"]["team"] == "chat"
        assert pod["metadata"]["annotations"]["example.org/team"] == "chat"
        assert pod["spec"]["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
        assert pod["spec"]["tolerations"][0]["value"] == "chat"
        assert pod["spec"]["priorityClassName"] == "high"
        assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]


def test_other_settings_replace_the_pods() -> None:
    checksums = {
        values: {
            pod["metadata"]["annotations"]["checksum/settings"] for pod in pods(values).values()
        }
        for values in VALUE_SETS
    }
    assert all(len(one) == 1 for one in checksums.values())
    assert len(set.union(*checksums.values())) == 3
    assert "checksum" not in json.dumps([pod["spec"] for pod in pods().values()])

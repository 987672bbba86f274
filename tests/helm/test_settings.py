"""Each program reads its settings from the ConfigMap and the Secrets, and accepts them."""

import os
from pathlib import Path
from unittest.mock import patch

import pytest

from config.environment import Environment, read_environment
from tests.helm.rendering import (
    VALUE_SETS,
    Manifest,
    containers,
    merged,
    of_kind,
    pods,
    render,
    values_of,
)

# What the Secrets of the tests contain, by key.
SECRETS = {
    "secret-key": "a-key-that-looks-random-tYgb3v-Qm81nX0-zK27dLq-9fWc5rJp-hS64eUa",
    "database-url": "postgres://conversations:password@db.example.org:5432/conversations",
    "url": "rediss://:password@valkey.example.org:6379/0",
    "dsn": "https://key@sentry.example.org/1",
    "flower": "operator:password",
    "headers": "authorization=token",
}
# Libraries read these, not the service (docs/configuration.md).
OF_LIBRARIES = ("AWS_", "OTEL_", "FLOWER_BASIC_AUTH", "FLOWER_MAX_TASKS", "FORWARDED_ALLOW_IPS")
EVERY_CONTAINER = [
    (values, program, container["name"])
    for values in VALUE_SETS
    for program, pod in pods(values).items()
    for container in containers(pod)
]


def environment_of(container: Manifest, *, values: str) -> dict[str, str]:
    """Return the variables that a container gets."""
    maps = of_kind("ConfigMap", name=values)
    environment: dict[str, str] = {}
    for source in container["envFrom"]:
        name = source["configMapRef"]["name"].removeprefix("prod-conversations-")
        environment |= maps[name]["data"]
    for variable in container["env"]:
        secret = variable.get("valueFrom", {}).get("secretKeyRef")
        environment[variable["name"]] = SECRETS[secret["key"]] if secret else variable["value"]
    return environment


def mounted_secrets(pod: Manifest) -> dict[str, str]:
    """Return the contents of the files in the volume with secrets, by path in the container."""
    (volume,) = (one for one in pod["spec"]["volumes"] if one["name"] == "secrets")
    (folder,) = {
        mount["mountPath"]
        for container in containers(pod)
        for mount in container["volumeMounts"]
        if mount["name"] == "secrets" and mount["readOnly"]
    }
    items = [one["secret"]["items"][0] for one in volume["projected"]["sources"]]
    return {f"{folder}/{item['path']}": SECRETS[item["key"]] for item in items}


def environment_in(values: str, program: str, name: str = "") -> dict[str, str]:
    """Return the variables of a program's container, by default of its only one."""
    (container,) = (
        one for one in containers(pods(values)[program]) if one["name"] == (name or program)
    )
    return environment_of(container, values=values)


@pytest.mark.parametrize(("values", "program", "container"), EVERY_CONTAINER)
def test_a_program_accepts_its_environment(
    values: str, program: str, container: str, tmp_path: Path
) -> None:
    variables = environment_in(values, program, container)
    for path, content in mounted_secrets(pods(values)[program]).items():
        (name,) = (name for name, value in variables.items() if value == path)
        file = tmp_path / name
        file.write_text(content)
        variables[name] = str(file)

    with patch.dict(os.environ, variables, clear=True):
        environment = read_environment()

    assert environment.DATABASE_URL["HOST"] == "db.example.org"


def test_settings_that_are_secret_are_files_which_follow_the_secret() -> None:
    """The service reads the login from DATABASE_URL_FILE again for each new connection."""
    named = {name for name in environment_in("everything", "worker") if name.endswith("_FILE")}
    secret = {f"{name}_FILE" for name, one in Environment.model_fields.items() if not one.repr}
    (volume,) = (one for one in pods()["worker"]["spec"]["volumes"] if one["name"] == "secrets")

    assert named == secret
    # The group of the files is fsGroup. A mount of a single file would not follow the Secret.
    assert volume["projected"]["defaultMode"] == 0o440
    for container in containers(pods()["worker"]):
        assert all("subPath" not in mount for mount in container["volumeMounts"])


@pytest.mark.parametrize(("values", "program", "container"), EVERY_CONTAINER)
def test_every_variable_is_a_setting_or_one_of_a_library(
    values: str, program: str, container: str
) -> None:
    variables = environment_in(values, program, container)

    settings = {name.removesuffix("_FILE") for name in variables} & Environment.model_fields.keys()
    unknown = {name for name in variables if name.removesuffix("_FILE") not in settings}
    assert {name for name in unknown if not name.startswith(OF_LIBRARIES)} == set()


def test_numbers_and_switches_arrive_as_they_were_written() -> None:
    variables = environment_in("everything", "worker")

    assert variables["SQS_GATHER_MS"] == "0"
    assert variables["CONSOLE_ENABLED"] == "true"
    assert variables["OTEL_BSP_MAX_QUEUE_SIZE"] == "1000000"


def test_only_flower_gets_its_login() -> None:
    having = {
        program
        for _, program, container in EVERY_CONTAINER
        if "FLOWER_BASIC_AUTH" in environment_in(_, program, container)
    }
    assert having == {"flower"}


def test_only_workers_serve_metrics() -> None:
    for program in pods():
        name = "provision" if program == "migration" else program
        assert ("METRICS_PORT" in environment_in("everything", program, name)) == (
            program == "worker"
        )
    assert environment_in("workers-only", "worker")["METRICS_ADDRESS"] == "::"


def test_the_admin_site_knows_its_hosts_and_its_proxies() -> None:
    variables = environment_in("everything", "admin")

    assert variables["DJANGO_ALLOWED_HOSTS"] == "admin.example.org,console.example.org"
    # The probe connects from inside the pod.
    assert variables["FORWARDED_ALLOW_IPS"] == "127.0.0.1,::1,10.0.0.0/8"


def test_no_secret_is_in_a_manifest_of_the_chart() -> None:
    assert of_kind("Secret") == {}


def test_the_job_gets_the_same_settings_as_the_programs() -> None:
    maps = of_kind("ConfigMap")
    assert maps["migration"]["data"] == maps["settings"]["data"]


def test_a_setting_can_be_removed_again() -> None:
    values = merged(values_of("everything"), {"settings": {"WORKER_BATCH_SIZE": None}})

    (settings,) = (
        one
        for one in render(values)
        if one["kind"] == "ConfigMap" and one["metadata"]["name"].endswith("settings")
    )
    assert "WORKER_BATCH_SIZE" not in settings["data"]

"""docker-compose.yml and the Dockerfile, as far as they can be checked without Docker."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from apps.common import durations
from config import webserver
from embedded.network import free_port

PROJECT_ROOT = Path(__file__).resolve().parents[3]
DOCKER_COMPOSE = Path(sysconfig.get_path("scripts")) / "docker-compose"
DOCKERFILE = PROJECT_ROOT / "Dockerfile"
WORKER_COMMAND = ["celery", "-A", "config", "worker", "-Q", "conversations.fifo"]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return the file as Docker Compose reads it, with defaults and without a .env file."""
    result = subprocess.run(
        [DOCKER_COMPOSE, "--env-file", "/dev/null", "config", "--format", "json"],
        cwd=PROJECT_ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def instructions(*, keyword: str, target: str | None = None) -> list[str]:
    """Return the arguments of an instruction in a stage of the Dockerfile, by default the last."""
    continued = DOCKERFILE.read_text().replace("\\\n", "")
    stages = re.split(r"^(?=FROM )", continued, flags=re.MULTILINE)
    if target is None:
        stage = stages[-1]
    else:
        (stage,) = (one for one in stages if one.partition("\n")[0].endswith(f" AS {target}"))
    return re.findall(rf"^{keyword} (.*)$", stage, flags=re.MULTILINE)


def copied_paths() -> list[str]:
    """Return the paths that the Dockerfile copies from the project in all its stages."""
    continued = DOCKERFILE.read_text().replace("\\\n", "")
    arguments = re.findall(r"^COPY (?!--from)(.*)$", continued, flags=re.MULTILINE)
    return [source for line in arguments for source in line.split()[:-1]]


def copied_by_stage(*, target: str | None = None) -> set[str]:
    """Return the paths that each stage copies from the project."""
    lines = instructions(keyword="COPY", target=target)
    return {word for line in lines if "--from" not in line for word in line.split()[:-1]}


def test_the_file_has_the_stores_the_service_and_a_provisioning_step(
    compose: dict[str, Any],
) -> None:
    assert set(compose["services"]) == {
        *("postgres", "valkey", "sqs", "moto"),
        *("provision", "worker", "beat", "web", "flower"),
    }


def test_the_control_broker_requires_the_password_that_the_service_uses(
    compose: dict[str, Any],
) -> None:
    valkey = compose["services"]["valkey"]
    password = valkey["command"][valkey["command"].index("--requirepass") + 1]
    url = compose["services"]["worker"]["environment"]["CELERY_CONTROL_URL"]

    assert password
    assert urlsplit(url).password == password
    assert valkey["environment"]["REDISCLI_AUTH"] == password


def test_every_published_port_is_bound_to_loopback(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 6
    assert {port.get("host_ip") for port in ports} == {"127.0.0.1"}


def test_every_container_has_the_least_privileges(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        assert "cap_add" not in service, name


def test_no_container_runs_as_root(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        build = service.get("build")
        user = (
            instructions(keyword="USER", target=build.get("target"))[-1]
            if build
            else service["user"]
        )
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), name


def test_the_worker_runs_the_documented_command(compose: dict[str, Any]) -> None:
    assert compose["services"]["worker"]["command"] == WORKER_COMMAND
    assert json.loads(instructions(keyword="CMD")[-1]) == WORKER_COMMAND


def test_the_worker_waits_for_healthy_stores_and_the_provisioning(compose: dict[str, Any]) -> None:
    services = compose["services"]
    awaited = {
        name: dependency["condition"]
        for service in ("provision", "worker")
        for name, dependency in services[service]["depends_on"].items()
    }
    assert awaited == {
        "postgres": "service_healthy",
        "sqs": "service_healthy",
        "moto": "service_healthy",
        "valkey": "service_healthy",
        "provision": "service_completed_successfully",
    }
    for store in ("postgres", "sqs", "moto", "valkey"):
        assert services[store]["healthcheck"]["test"], store


def test_worker_and_beat_have_the_same_settings(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["worker"]["environment"] == services["beat"]["environment"]


def test_the_web_server_serves_what_the_image_has_collected(compose: dict[str, Any]) -> None:
    web = compose["services"]["web"]
    assert web["command"][:3] == ["gunicorn", "--config", "python:config.webserver"]
    assert web["command"][-1] == "config.wsgi"
    (variable,) = instructions(keyword="ENV")[1:]
    assert variable == f"DJANGO_STATIC_ROOT={web['environment']['DJANGO_STATIC_ROOT']}"


def test_the_web_server_is_not_killed_while_it_finishes_requests(compose: dict[str, Any]) -> None:
    grace = durations.read(compose["services"]["web"]["stop_grace_period"])

    assert grace
    assert grace.total_seconds() > webserver.graceful_timeout


def test_the_image_collects_static_files_with_its_own_settings(tmp_path: Path) -> None:
    (command,) = [run for run in instructions(keyword="RUN") if "collectstatic" in run]
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    result = subprocess.run(
        ["sh", "-c", command],
        cwd=PROJECT_ROOT,
        env={"PATH": path, "DJANGO_STATIC_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "staticfiles.json").exists()
    assert (tmp_path / "admin/css/base.css.gz").exists()


def test_flower_runs_the_documented_command_behind_a_login(compose: dict[str, Any]) -> None:
    flower = compose["services"]["flower"]
    assert flower["command"][:4] == ["celery", "-A", "config", "flower"]
    user, _, password = flower["environment"]["FLOWER_BASIC_AUTH"].partition(":")
    assert user
    assert password
    assert not any("persist" in word or "db" in word for word in flower["command"])


def test_every_listening_container_has_a_health_check(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if service.get("ports"):
            assert service["healthcheck"]["test"], name


def test_the_moto_image_is_the_version_that_the_tests_use(compose: dict[str, Any]) -> None:
    pinned = re.search(
        r"^moto==(\S+)", (PROJECT_ROOT / "requirements/dev.txt").read_text(), flags=re.MULTILINE
    )
    assert pinned
    assert compose["services"]["moto"]["image"] == f"motoserver/moto:{pinned[1]}"


def test_every_copied_file_exists_and_is_in_the_build_context() -> None:
    ignore_file = (PROJECT_ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in ignore_file if line.startswith("!")}
    copied = copied_paths()
    assert copied
    for source in copied:
        assert (PROJECT_ROOT / source).exists(), source
    assert {source.removeprefix("./") for source in copied} == let_through


def test_the_image_installs_by_hash_only() -> None:
    installs = re.findall(r"(?:pip install|pip sync) .*", DOCKERFILE.read_text())
    assert installs
    assert all("--require-hashes" in install for install in installs)


def test_stopping_the_container_is_a_warm_shutdown() -> None:
    assert instructions(keyword="STOPSIGNAL") == ["SIGTERM"]


def test_the_image_of_the_service_does_not_contain_the_test_bed(compose: dict[str, Any]) -> None:
    assert {"apps", "config"} < copied_by_stage()
    assert copied_by_stage() & {"embedded", "testbed"} == set()
    assert "target" not in compose["services"]["worker"]["build"]


def test_the_local_sqs_server_runs_with_only_the_files_of_its_image(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    target = compose["services"]["sqs"]["build"]["target"]
    for package in copied_by_stage(target=target):
        shutil.copytree(PROJECT_ROOT / package, tmp_path / package)
    (command,) = map(json.loads, instructions(keyword="CMD", target=target))
    port = free_port()
    host = command[command.index("--host") + 1]
    here = {"python": sys.executable, host: "127.0.0.1", "9324": str(port)}
    words = [here.get(word, word) for word in command]
    (_, *check) = compose["services"]["sqs"]["healthcheck"]["test"]
    probe = [here.get(word, word).replace(":9324/", f":{port}/") for word in check]
    # Without site-packages: the image has none.
    words.insert(1, "-S")
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            # A single address, because there is no control interface.
            assert server.stdout.readline() == f"http://127.0.0.1:{port}\n"
            subprocess.run(probe, check=True, timeout=10)
        finally:
            server.terminate()
    assert server.returncode == 0


def test_every_address_of_sqs_is_that_of_the_local_server(compose: dict[str, Any]) -> None:
    environment = compose["services"]["worker"]["environment"]
    for name in ("AWS_ENDPOINT_URL_SQS", "SQS_CONVERSATION_QUEUE_URL", "SQS_CONVERSATION_DLQ_URL"):
        assert urlsplit(environment[name]).netloc == "sqs:9324", name
    assert [port["target"] for port in compose["services"]["sqs"]["ports"]] == [9324]
    assert urlsplit(environment["AWS_ENDPOINT_URL_DYNAMODB"]).netloc == "moto:5000"

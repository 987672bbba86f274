"""Programs run with the documented commands, end in time and are replaced in order."""

import shlex

from celery_sqs_fifo.options import Options
from tests.helm.rendering import Manifest, containers, of_kind, pods
from tests.support.commands import documented_commands

LIVENESS = "python -m celery_sqs_fifo.consuming.liveness"
# What the chart adds to the documented commands.
ADDED = ("--concurrency=", "--address=", "--port=", "--bind")


def container_of(program: str, *, values: str = "everything") -> Manifest:
    """Return the only container of a program."""
    (container,) = containers(pods(values)[program])
    return container


def without_additions(command: list[str]) -> str:
    """Return a command without the options that the chart adds."""
    kept = [word for word in command if not word.startswith(ADDED)]
    return shlex.join(word for word in kept if not word.endswith(":8000"))


def test_programs_run_the_documented_commands() -> None:
    commands = {
        name: without_additions(container_of(name)["command"]) for name in of_kind("Deployment")
    }

    assert commands == {
        "worker": "celery -A config worker -Q conversations.fifo",
        "beat": "celery -A config beat",
        "flower": "celery -A config flower",
        "admin": "gunicorn --config python:config.webserver config.wsgi",
    }
    assert set(commands.values()) <= set(documented_commands())


def test_listeners_can_be_reached_from_outside_the_pod() -> None:
    assert container_of("admin")["command"][-2] == "0.0.0.0:8000"
    assert "--address=0.0.0.0" in container_of("flower")["command"]


def test_a_worker_has_a_fixed_number_of_processes() -> None:
    """Celery's default is the number of the node's processors."""
    assert "--concurrency=4" in container_of("worker")["command"]


def test_the_grace_period_of_a_worker_is_longer_than_its_shutdown() -> None:
    grace = pods()["worker"]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= Options(dead_letter_queue_url="dlq.fifo").shutdown_within + 15


def test_there_is_never_more_than_one_beat() -> None:
    beat = of_kind("Deployment")["beat"]["spec"]

    assert beat["replicas"] == 1
    assert beat["strategy"] == {"type": "Recreate"}


def test_a_worker_is_probed_by_its_liveness_file() -> None:
    worker = container_of("worker")

    assert shlex.join(worker["livenessProbe"]["exec"]["command"]) == LIVENESS
    assert worker["startupProbe"]["exec"] == worker["livenessProbe"]["exec"]
    assert LIVENESS in documented_commands()


def test_a_rollout_waits_until_a_new_worker_is_alive() -> None:
    worker = of_kind("Deployment")["worker"]["spec"]

    assert worker["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    # For this time an older worker returns pointers that it does not know to the queue.
    unknown_pointer_wait = Options(dead_letter_queue_url="dlq.fifo").unknown_pointer_wait
    assert worker["progressDeadlineSeconds"] < unknown_pointer_wait


def test_listeners_are_probed_through_their_ports() -> None:
    assert container_of("flower")["livenessProbe"]["httpGet"]["path"] == "/healthcheck"
    assert container_of("admin")["livenessProbe"]["tcpSocket"] == {"port": "http"}
    assert container_of("admin")["readinessProbe"]["exec"]["command"][:2] == ["python", "-c"]


def test_tables_are_migrated_before_anything_else_is_installed_or_upgraded() -> None:
    job = of_kind("Job")["migration"]
    commands = [shlex.join(one["command"]) for one in containers(job["spec"]["template"])]
    needed = [of_kind("ServiceAccount")["migration"], of_kind("ConfigMap")["migration"]]
    weights = [int(one["metadata"]["annotations"]["helm.sh/hook-weight"]) for one in (*needed, job)]

    assert commands == ["python manage.py migrate --no-input", "python manage.py provision"]
    assert weights[:2] < [weights[2]] * 2
    for one in (*needed, job):
        assert one["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
        # What stays after a success would be in the way, and not removed with the release.
        policies = one["metadata"]["annotations"]["helm.sh/hook-delete-policy"].split(",")
        assert set(policies) == {"before-hook-creation", "hook-succeeded"}


def test_evictions_stop_one_pod_at_a_time() -> None:
    budgets = of_kind("PodDisruptionBudget")

    assert budgets.keys() == {"worker", "admin"}
    for program, budget in budgets.items():
        assert budget["spec"]["maxUnavailable"] == 1
        labels = pods()[program]["metadata"]["labels"]
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_every_selector_finds_the_pods_of_one_program() -> None:
    for kind in ("Deployment", "Service"):
        for program, one in of_kind(kind).items():
            selector = one["spec"]["selector"]
            wanted = selector.get("matchLabels", selector).items()
            found = {
                name for name, pod in pods().items() if wanted <= pod["metadata"]["labels"].items()
            }
            assert found == {program}, kind


def test_the_ingress_leads_to_the_admin_site_with_tls() -> None:
    ingress = of_kind("Ingress")["admin"]["spec"]

    assert ingress["tls"] == [
        {"hosts": ["admin.example.org", "console.example.org"], "secretName": "admin-tls"}
    ]
    for rule in ingress["rules"]:
        (path,) = rule["http"]["paths"]
        service = of_kind("Service")["admin"]
        assert path["backend"]["service"]["name"] == service["metadata"]["name"]
        assert path["backend"]["service"]["port"]["name"] == service["spec"]["ports"][0]["name"]

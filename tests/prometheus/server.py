"""Runs a Prometheus server with the project's configuration, and queries it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import requests
import yaml

from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, supervisor
from embedded.servers import Server, answers_http
from tests.support.pages import ROOT
from tests.support.system_programs import PROMETHEUS

EXAMPLE = ROOT / "deploy" / "prometheus" / "prometheus.yml"
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """A running server."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the time series of an instant query. Fails if the query has a warning."""
        answer = self._get("query", query=expression)
        assert not answer.get("warnings"), (expression, answer["warnings"])
        return list(answer["data"]["result"])

    def rules(self) -> list[dict[str, Any]]:
        """Return all rules, with the result of their last evaluation."""
        groups = self._get("rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _get(self, name: str, **parameters: str) -> dict[str, Any]:
        with requests.Session() as session:
            # No proxy leads to this machine's own address.
            session.trust_env = False
            response = session.get(
                f"{self.url}/api/v1/{name}", params=parameters, timeout=_TIMEOUT_SECONDS
            )
        answer: dict[str, Any] = response.json()
        assert answer["status"] == "success", answer
        return answer


@contextmanager
def running_prometheus(*, metrics_port: int, logs: Path) -> Iterator[Prometheus]:
    """Run a server with the example configuration, which scrapes this port every second.

    Raises ProcessError if it does not start.
    """
    port = free_port()
    with supervisor() as processes:
        home = processes.temporary_directory()
        configuration = yaml.safe_load(EXAMPLE.read_text())
        configuration["global"] = {
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "evaluation_interval": "1s",
        }
        configuration["rule_files"] = [
            str(EXAMPLE.parent / name) for name in configuration["rule_files"]
        ]
        (job,) = configuration["scrape_configs"]
        job["static_configs"] = [{"targets": [f"{LOOPBACK}:{metrics_port}"]}]
        file = home / "prometheus.yml"
        file.write_text(yaml.safe_dump(configuration))
        process = processes.start(
            command=Command(
                name="prometheus",
                arguments=[
                    PROMETHEUS.path(),
                    f"--config.file={file}",
                    f"--storage.tsdb.path={home / 'data'}",
                    f"--web.listen-address={LOOPBACK}:{port}",
                ],
                environment={"PATH": os.defpath},
                working_directory=home,
            ),
            log=logs / "prometheus.log",
        )
        server = Server(
            process=process,
            url=f"http://{LOOPBACK}:{port}",
            is_ready=partial(answers_http, port=port, path="/-/ready"),
        )
        server.wait_until_ready()
        yield Prometheus(url=server.url)

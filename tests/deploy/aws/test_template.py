"""The template passes the linters of CloudFormation and of security, each exception with a reason.

checkov is told not to ask its maker's servers for anything.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.packages import PACKAGES
from tests.support.cloudformation import TEMPLATE

CHECKOV = ("--framework", "cloudformation", "--output", "json", "--skip-download")


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of the packages' environment, and return its result."""
    assert PACKAGES.site_packages().is_dir()
    return subprocess.run(
        [PACKAGES.python.parent / program, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def checkov(template: Path) -> dict[str, Any]:
    """Return what checkov finds in a template."""
    done = run("checkov", "--file", template, *CHECKOV)
    assert done.stdout, done.stderr
    results: dict[str, Any] = json.loads(done.stdout)["results"]
    assert results["parsing_errors"] == []
    return results


def rules(checks: list[dict[str, Any]]) -> list[str]:
    """Return the rules of checks, sorted."""
    return sorted(check["check_id"] for check in checks)


def test_cfn_lint_finds_nothing() -> None:
    done = run("cfn-lint", "--include-checks", "I", "--", TEMPLATE)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_cfn_lint_finds_a_property_that_does_not_exist(tmp_path: Path) -> None:
    changed = tmp_path / "changed.yaml"
    text = TEMPLATE.read_text(encoding="utf-8")
    changed.write_text(text.replace("MessageRetentionPeriod:", "MessageRetention:", 1))

    assert "E3002" in run("cfn-lint", "--", changed).stdout


def test_checkov_finds_nothing_and_each_exception_has_a_reason() -> None:
    results = checkov(TEMPLATE)

    assert rules(results["failed_checks"]) == []
    assert rules(results["skipped_checks"]) == ["CKV_AWS_119"]
    for check in results["skipped_checks"]:
        assert len(check["check_result"]["suppress_comment"].split()) > 5


def test_checkov_finds_queues_that_are_not_encrypted_and_a_table_without_backups(
    tmp_path: Path,
) -> None:
    removed = ("SqsManagedSse", "KmsMasterKey", "PointInTimeRecovery")
    changed = tmp_path / "changed.yaml"
    lines = TEMPLATE.read_text(encoding="utf-8").splitlines()
    changed.write_text("\n".join(line for line in lines if not line.strip().startswith(removed)))

    assert rules(checkov(changed)["failed_checks"]) == ["CKV_AWS_27", "CKV_AWS_27", "CKV_AWS_28"]


def test_the_template_has_no_aliases() -> None:
    """CloudFormation does not support YAML's aliases (User Guide, "template formats")."""
    events = yaml.parse(TEMPLATE.read_text(encoding="utf-8"))

    assert not any(isinstance(event, yaml.AliasEvent) for event in events)

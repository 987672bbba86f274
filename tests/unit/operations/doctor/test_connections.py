"""What the doctor says about the server of a connection, and about its TLS."""

import pytest

from operations.doctor.connections import judge_encryption, judge_version
from operations.doctor.findings import Status

REMOTE, LOCAL = "db.example", "127.0.0.1"


@pytest.mark.parametrize("major", range(14, 19))
def test_supported_versions_are_ok(major: int) -> None:
    assert judge_version(f"{major}.1", major=major).status is Status.OK


@pytest.mark.parametrize("major", [13, 19])
def test_another_version_is_a_warning(major: int) -> None:
    finding = judge_version(f"{major}.1", major=major)

    assert finding.status is Status.WARNING
    assert finding.found == f"The version is {major}.1. Only 14 to 18 are supported."


@pytest.mark.parametrize(
    ("protocol", "mode", "host", "status"),
    [
        ("TLSv1.3", "verify-full", REMOTE, Status.OK),
        ("TLSv1.3", "verify-full", LOCAL, Status.OK),
        ("TLSv1.3", "verify-ca", REMOTE, Status.WARNING),
        ("TLSv1.3", "prefer", REMOTE, Status.WARNING),
        (None, "prefer", REMOTE, Status.WARNING),
        (None, "prefer", "10.0.0.7", Status.WARNING),
        (None, "prefer", LOCAL, Status.OK),
        (None, "prefer", "::1", Status.OK),
        (None, "prefer", "localhost", Status.OK),
        (None, "prefer", "", Status.OK),
        (None, "prefer", "/var/run/postgresql", Status.OK),
    ],
)
def test_a_server_elsewhere_must_be_verified(
    protocol: str | None, mode: str, host: str, status: Status
) -> None:
    finding = judge_encryption(protocol=protocol, mode=mode, host=host)

    assert finding.status is status
    assert ("sslmode=verify-full" in finding.remedy) is (status is Status.WARNING)

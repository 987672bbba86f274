"""Flower ends with a sentence if it cannot listen with its options."""

import socket
from pathlib import Path

import pytest

from embedded.network import LOOPBACK, free_port
from observability.flower.listening import address_problem, tls_problem, unix_socket_problem
from tests.support.certificates import Authority

# tornado does not close a socket that it cannot bind. The program that uses it ends then.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def test_a_free_port_is_no_problem_and_stays_free() -> None:
    port = free_port()

    assert address_problem(address=LOOPBACK, port=0) is None
    assert address_problem(address=LOOPBACK, port=port) is None
    with socket.create_server((LOOPBACK, port)):
        pass


def test_a_port_that_another_program_uses_is_refused_with_what_to_change() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]

        assert address_problem(address=LOOPBACK, port=port) == (
            f"Flower cannot listen on port {port} of {LOOPBACK}: Address already in use. Change "
            "FLOWER_PORT (--port) or FLOWER_ADDRESS (--address)."
        )


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    assert address_problem(address=LOOPBACK, port=port) == (
        f"FLOWER_PORT (--port) must be a number from 0 to 65535, not {port}."
    )


# The first is for documentation (RFC 5737). The second cannot be encoded as a name.
@pytest.mark.parametrize("address", ["192.0.2.1", "flower..example.org"])
def test_an_address_that_this_machine_does_not_have_is_refused(address: str) -> None:
    problem = address_problem(address=address, port=0)

    assert problem
    assert problem.startswith(f"Flower cannot listen on port 0 of {address}: ")


def test_a_unix_socket_is_refused_where_none_can_be_created(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    assert unix_socket_problem(str(tmp_path / "socket")) is None
    for path in (file, tmp_path / "nowhere" / "socket"):
        problem = unix_socket_problem(str(path))
        assert problem
        assert problem.startswith(f"Flower cannot listen on {path}: ")


def test_a_certificate_and_its_key_are_no_problem(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = map(str, authority.issue("flower.example.org"))

    assert tls_problem({}) is None
    assert tls_problem({"certfile": certificate, "keyfile": key}) is None
    authorities = {"ca_certs": str(authority.certificate)}
    assert tls_problem({"certfile": certificate, "keyfile": key, **authorities}) is None


def test_files_that_tls_cannot_use_are_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, _key = map(str, authority.issue("flower.example.org"))
    _certificate, other_key = map(str, authority.issue("other.example.org"))

    assert tls_problem({"certfile": certificate, "keyfile": "/nowhere"}) == (
        "FLOWER_KEYFILE (--keyfile) cannot be read: /nowhere: No such file or directory."
    )
    problem = tls_problem({"certfile": certificate, "keyfile": other_key})
    assert problem
    assert problem.startswith(f"Flower cannot use {certificate} and {other_key} for TLS: ")

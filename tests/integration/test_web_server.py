"""gunicorn serves the admin site with its static files, on loopback only, and requires TLS."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from django.contrib.auth.models import User
from django.db import connection

from embedded.servers import Server
from embedded.service import PROJECT_ROOT, run_manage, running_web
from embedded.stack import Stack

PASSWORD = "a password of this test"


@pytest.fixture
def environment(stack: Stack) -> dict[str, str]:
    """Return the settings of the stack with the database of pytest-django."""
    server = stack.database_url.rpartition("/")[0]
    return {
        **stack.environment,
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "DJANGO_PLAIN_HTTP": "",
        "DJANGO_STATIC_ROOT": "",
    }


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Return an HTTP client without a proxy."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.mark.django_db(transaction=True)
def test_an_operator_can_sign_in_over_plain_http_if_that_is_enabled(
    environment: dict[str, str], tmp_path: Path, session: requests.Session
) -> None:
    User.objects.create_superuser("operator", password=PASSWORD)
    with running_web(
        environment={**environment, "DJANGO_PLAIN_HTTP": "true"}, logs=tmp_path
    ) as web:
        login = session.get(f"{web.url}/admin/login/?next=/admin/", timeout=10)
        index = session.post(
            login.url,
            data={
                "username": "operator",
                "password": PASSWORD,
                "csrfmiddlewaretoken": session.cookies["csrftoken"],
            },
            timeout=20,
        )

        assert index.status_code == 200
        assert "/admin/conversations/conversation/" in index.text
        assert "Strict-Transport-Security" not in index.headers
        _every_style_sheet_is_served(index.text, web=web, session=session)
        _listens_on_loopback_only(web)
        assert session.get(f"{web.url}/admin/?q=someone", timeout=10).status_code == 200
        assert "someone" not in web.process.log_text()


def test_plain_http_redirects_to_https_by_default(
    environment: dict[str, str], tmp_path: Path, session: requests.Session
) -> None:
    collected = tmp_path / "static"
    environment["DJANGO_STATIC_ROOT"] = str(collected)
    run_manage(arguments=["collectstatic", "--no-input"], environment=environment, logs=tmp_path)
    with running_web(environment=environment, logs=tmp_path) as web:
        plain = session.get(f"{web.url}/admin/login/", timeout=10, allow_redirects=False)
        assert plain.status_code == 301
        assert plain.headers["Location"] == f"{web.url}/admin/login/".replace("http:", "https:")

        # The header of a proxy on this machine that terminates TLS.
        session.headers["X-Forwarded-Proto"] = "https"
        page = session.get(f"{web.url}/admin/login/", timeout=10)
        assert page.status_code == 200
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "Secure" in page.headers["Set-Cookie"]
        for style_sheet in _every_style_sheet_is_served(page.text, web=web, session=session):
            assert "immutable" in style_sheet.headers["Cache-Control"]
            assert style_sheet.headers["Content-Encoding"] == "gzip"


def _every_style_sheet_is_served(
    page: str, *, web: Server, session: requests.Session
) -> list[requests.Response]:
    paths = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert any("admin/css/base" in path for path in paths)
    answers = [session.get(f"{web.url}{path}", timeout=10) for path in paths]
    assert [answer.status_code for answer in answers] == [200] * len(paths)
    return answers


def _listens_on_loopback_only(web: Server) -> None:
    sockets = [
        socket.laddr.ip
        for socket in psutil.Process(web.process.pid).net_connections(kind="inet")
        if socket.status == psutil.CONN_LISTEN
    ]
    assert set(sockets) == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("scope", "directives"),
    [("subdomains", "; includeSubDomains"), ("preload", "; includeSubDomains; preload")],
)
def test_browsers_use_only_tls_for_more_hosts_if_the_setting_says_so(
    environment: dict[str, str], scope: str, directives: str
) -> None:
    """Only the settings differ from those of the tests above, so no web server is started."""
    program = (
        "from django.test import Client\n"
        "page = Client(SERVER_NAME='127.0.0.1').get('/admin/login/', secure=True)\n"
        "print(page['Strict-Transport-Security'])\n"
    )

    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "--command", program],
        cwd=PROJECT_ROOT,
        env={**environment, "DJANGO_HSTS": scope},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == f"max-age=31536000{directives}\n"

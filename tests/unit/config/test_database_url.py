"""Django's settings for each form of DATABASE_URL.

The expected values are those of django-environ 0.14, which parsed this setting in earlier versions.
"""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.url_parsers import parse_database_url

ANA = {
    "ENGINE": "apps.common.postgresql",
    "NAME": "chats",
    "USER": "ana",
    "PASSWORD": "secret",
    "HOST": "db.example",
    "PORT": 5432,
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("url", "differs"),
    [
        ("postgres://ana:secret@db.example:5432/chats", {}),
        ("postgresql://ana:secret@db.example:5432/chats", {}),
        ("POSTGRES://ana:secret@DB.Example:5432/chats", {}),
        ("postgres://ana:secret@db.example:5432/chats#fragment", {}),
        ("postgres://ana:secret@db.example/chats", {"PORT": ""}),
        ("postgres://ana:secret@db.example:/chats", {"PORT": ""}),
        ("postgres://ana:secret@db.example:0/chats", {"PORT": ""}),
        ("postgres://ana@db.example:5432/chats", {"PASSWORD": ""}),
        ("postgres://:secret@db.example:5432/chats", {"USER": ""}),
        ("postgres://db.example:5432/chats", {"USER": "", "PASSWORD": ""}),
    ],
)
def test_each_part_of_a_url_sets_its_setting(url: str, differs: dict[str, Any]) -> None:
    assert parse_database_url(url) == {**ANA, **differs}


@pytest.mark.parametrize(
    ("login", "user", "password"),
    [
        ("ana:p%40ss%2Fw%3Ard%23%25", "ana", "p@ss/w:rd#%"),
        ("a%40na:p+ss", "a@na", "p+ss"),
        ("ana:s@cret", "ana", "s@cret"),
        ("ana:one:two", "ana", "one:two"),
        ("ana:%C3%A9%20%3F", "ana", "é ?"),
    ],
)
def test_a_login_is_percent_encoded(login: str, user: str, password: str) -> None:
    url = f"postgres://{login}@db.example:5432/chats"

    assert parse_database_url(url) == {**ANA, "USER": user, "PASSWORD": password}


@given(user=TEXT, password=TEXT, name=TEXT.filter(lambda name: name[:1] not in ("", "/")))
def test_percent_encoded_parts_are_decoded(user: str, password: str, name: str) -> None:
    user_part, password_part, path = (quote(text, safe="") for text in (user, password, name))

    read = parse_database_url(f"postgres://{user_part}:{password_part}@db.example:5432/{path}")

    assert read == {**ANA, "USER": user, "PASSWORD": password, "NAME": name}


@pytest.mark.parametrize(
    ("place", "host", "port"),
    [
        ("[::1]:5432", "::1", 5432),
        ("[2001:DB8::1]", "2001:db8::1", ""),
        ("one,two:5432", "one,two", 5432),
        ("", "", ""),
        ("%2Fvar%2Frun", "%2Fvar%2Frun", ""),
    ],
)
def test_a_host_can_have_several_forms(place: str, host: str, port: int | str) -> None:
    assert parse_database_url(f"postgres://ana:secret@{place}/chats") == {
        **ANA,
        "HOST": host,
        "PORT": port,
    }


@pytest.mark.parametrize(
    ("path", "host", "name"),
    [
        ("/chats%20of%2Fana+bea", "db.example", "chats of/ana bea"),
        ("/chats/old", "db.example", "chats/old"),
        ("//var/run/postgresql/chats", "/var/run/postgresql", "chats"),
        ("/%2Fvar%2Frun%2Fpostgresql/chats", "/var/run/postgresql", "chats"),
    ],
)
def test_a_path_names_the_database_and_optionally_a_socket(path: str, host: str, name: str) -> None:
    read = parse_database_url(f"postgres://ana:secret@db.example:5432{path}")

    assert read == {**ANA, "HOST": host, "NAME": name}


@pytest.mark.parametrize(
    ("query", "options", "of_django"),
    [
        ("sslmode=require", {"sslmode": "require"}, {}),
        (
            "sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem&connect_timeout=10",
            {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem", "connect_timeout": 10},
            {},
        ),
        ("options=-c%20search_path%3Dchats", {"options": "-c search_path=chats"}, {}),
        ("sslmode=require&sslmode=disable", {"sslmode": "require"}, {}),
        ("sslmode=", {}, {}),
        ("disable_server_side_cursors=True", {}, {"DISABLE_SERVER_SIDE_CURSORS": True}),
        ("conn_max_age=None&x=y", {"x": "y"}, {"CONN_MAX_AGE": None}),
        ("Conn_Max_Age=60&autocommit=False", {}, {"CONN_MAX_AGE": 60, "AUTOCOMMIT": False}),
        ("conn_health_checks=1", {}, {"CONN_HEALTH_CHECKS": 1}),
        ("ATOMIC_REQUESTS=true", {}, {"ATOMIC_REQUESTS": "true"}),
    ],
)
def test_the_query_has_options_of_the_driver_and_settings_of_django(
    query: str, options: dict[str, Any], of_django: dict[str, Any]
) -> None:
    read = parse_database_url(f"postgres://ana:secret@db.example:5432/chats?{query}")

    assert read == {**ANA, **of_django, "OPTIONS": options}


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ana:secret@db.example/chats",
        "postgres://ana:secret@db.example",
        "postgres://ana:secret@db.example/",
        "postgres://ana:secret@db.example:99999/chats",
        "postgres://ana:secret@[::1/chats",
        "postgres://one:5432,two:5433/chats",
        "chats",
    ],
)
def test_any_other_form_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(
        ValueError, match=r"^must be a URL such as postgres://user:password@host"
    ) as e:
        parse_database_url(url)

    assert "secret" not in str(e.value)

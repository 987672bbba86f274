"""Valid values of DATALAKE_URL select a client. All others are refused with an explanation."""

import sys
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.analytics.datalake import data_lake
from apps.analytics.datalake.files import FileDataLake
from apps.analytics.datalake.firehose import FirehoseDataLake
from apps.analytics.datalake.weni import WeniDataLake
from config.environment import read_environment


@pytest.mark.parametrize(
    ("url", "client"),
    [
        ("file:///var/lake", FileDataLake),
        ("file:///var/the%20lake", FileDataLake),
        ("file:///var/lake?gather=0s", FileDataLake),
        ("file:///var/lake?gather=10m", FileDataLake),
        ("firehose://conversations", FirehoseDataLake),
        ("firehose://Stream_1.lake-A?region=sa-east-1", FirehoseDataLake),
        ("weni://datalake.internal:50051", WeniDataLake),
        ("weni://127.0.0.1:50051", WeniDataLake),
        ("weni://[::1]:50051", WeniDataLake),
    ],
)
def test_the_scheme_selects_the_client(
    url: str, client: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATALAKE_URL", url)

    assert isinstance(data_lake(url), client)
    assert url == read_environment().DATALAKE_URL


@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        ("file:///var/lake", 60),
        ("file:///var/lake?gather=0s", 0),
        ("file:///var/lake?gather=1m30s", 90),
        ("firehose://conversations", 0),
        ("weni://datalake.internal:50051", 0),
    ],
)
def test_only_files_gather_events_and_the_address_says_how_long(url: str, seconds: int) -> None:
    assert data_lake(url).gather_for == timedelta(seconds=seconds)


@pytest.mark.parametrize("url", ["", "lake", "s3://bucket", "http://lake", "weni://[::1", "file"])
def test_the_error_for_an_unknown_scheme_lists_the_three_forms(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must be file:///PATH, firehose://STREAM or weni://"):
        data_lake(url)


@pytest.mark.parametrize(
    "url",
    [
        "file://",
        "file:///",
        "file://host/lake",
        "file:///lake?day=1",
        "file:///lake?gather=",
        "file:///lake?gather=60",
        "file:///lake?gather=10m1s",
        "file:///lake?gather=1m&day=1",
        "file:///lake#day",
        "firehose://",
        "firehose:///conversations",
        "firehose://conversations/",
        "firehose://a stream",
        "firehose://" + "s" * 65,
        "firehose://conversations?region=",
        "firehose://conversations?region=us-east-1&prefix=x",
        "firehose://conversations?zone=us-east-1",
        "firehose://conversations#us-east-1",
        "weni://",
        "weni://datalake.internal",
        "weni://:50051",
        "weni://datalake.internal:0",
        "weni://datalake.internal:99999",
        "weni://datalake.internal:port",
        "weni://ana:secret@datalake.internal:50051",
        "weni://datalake.internal:50051/path",
        "weni://datalake.internal:50051?tls=1",
    ],
)
def test_the_error_for_a_malformed_address_shows_the_form_of_its_scheme(url: str) -> None:
    scheme = url.partition(":")[0]

    with pytest.raises(ValueError, match=f"^must be {scheme}://.* as in {scheme}://") as refusal:
        data_lake(url)

    assert "secret" not in str(refusal.value)


def test_the_error_for_the_missing_package_of_weni_shows_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "apps.analytics.datalake.weni")
    for missing in ("grpc", "weni_datalake_sdk", "weni_datalake_sdk.clients"):
        monkeypatch.setitem(sys.modules, missing, None)

    monkeypatch.setenv("DATALAKE_URL", "weni://datalake.internal:50051")

    with pytest.raises(ImproperlyConfigured) as refusal:
        read_environment()

    _, sentence = str(refusal.value).splitlines()
    assert sentence.startswith("DATALAKE_URL: weni:// needs the package weni-datalake-sdk")
    assert "pip install --no-deps --require-hashes --requirement requirements/weni.txt" in sentence
    assert sentence.endswith("--build-arg EXTRAS=weni")
    data_lake("file:///var/lake")
    data_lake("firehose://conversations")

"""The optional package of Parquet files."""

from tests.support.pages import ROOT
from tests.unit.apps.analytics.datalake.test_requirements import DEVELOPMENT, pins


def test_the_package_for_parquet_is_the_one_that_the_tests_use() -> None:
    parquet = pins(ROOT / "requirements/parquet.txt")

    assert "pyarrow" in parquet
    assert parquet.items() <= DEVELOPMENT.items()

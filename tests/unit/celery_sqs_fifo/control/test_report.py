"""`celery report` shows no secrets, because people paste its output into bug reports."""

import pytest

from celery_sqs_fifo.control.app import ControlledCelery


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rediss://someone:hunter2@broker.example.org:6380/1", "rediss://broker.example.org:6380"),
        ("", "control_broker_url: ''"),
    ],
)
def test_the_report_has_the_address_of_the_control_broker_without_its_password(
    url: str, shown: str
) -> None:
    app = ControlledCelery("reported", broker="memory://", set_as_current=False, fixups=[])
    app.conf.update(control_broker_url=url)

    report = app.bugreport()

    assert shown in report
    assert "hunter2" not in report

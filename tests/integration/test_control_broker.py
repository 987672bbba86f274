"""Remote commands say how the control broker fails."""

from urllib.parse import urlsplit

import pytest
from kombu.exceptions import OperationalError

from celery_sqs_fifo import ControlledCelery, address_of
from embedded.network import LOOPBACK, free_port
from embedded.stack import Stack


def failure(url: str) -> str:
    """Send a command through the control broker at `url`, which must fail. Return the reason."""
    app = ControlledCelery("operator", set_as_current=False)
    app.conf.update(control_broker_url=url)
    with pytest.raises(OperationalError) as failed:
        app.control.broadcast("ping", reply=True)
    app.close()
    return str(failed.value)


def test_a_control_broker_that_is_down_does_not_answer() -> None:
    url = f"redis://{LOOPBACK}:{free_port()}/0"

    assert failure(url) == f"the control broker {url[:-2]} does not answer (ConnectionError)"


def test_a_control_broker_that_refuses_the_password_is_not_called_down(stack: Stack) -> None:
    password = urlsplit(stack.control_url).password

    assert failure(stack.control_url.replace(f":{password}@", ":another@")) == (
        f"the control broker {address_of(stack.control_url)} refuses this command "
        "(AuthenticationError): check the user and the password"
    )

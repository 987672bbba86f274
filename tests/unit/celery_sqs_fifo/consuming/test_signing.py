"""libcurl signs requests to SQS as botocore would."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from celery_sqs_fifo.aws import bounded_client, ca_bundle
from celery_sqs_fifo.consuming.http import HttpClient
from celery_sqs_fifo.consuming.signing import Signer

# Characters that have a meaning in URLs and in libcurl's form of user and password.
CREDENTIALS = Credentials("AKIDEXAMPLE", "wJalr/XUt+nFEMI:K7MDENG=", None)
TEMPORARY = Credentials(CREDENTIALS.access_key, CREDENTIALS.secret_key, "IQoJb3/JpZ2lu+X2Vj==")


@dataclass
class Server:
    """A server that answers with an empty object, and the last request that it received."""

    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@pytest.fixture
def server() -> Iterator[Server]:
    seen = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.headers = {name.lower(): value for name, value in self.headers.items()}
            seen.body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *_arguments: object) -> None:
            """Log nothing."""

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    seen.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = Thread(target=httpd.serve_forever)
    thread.start()
    yield seen
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def signer_of(credentials: Credentials, url: str) -> Signer:
    client = bounded_client(
        config={},
        endpoint_url=url,
        use_ssl=False,
        region_name="eu-west-1",
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.token,
    )
    return Signer(client)


def signature_by_botocore(credentials: Credentials, server: Server) -> str:
    """Return the signature of the request that the server received."""
    signed = server.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    request: Any = AWSRequest(
        "POST",
        server.url,
        headers={name: server.headers[name] for name in signed},
        data=server.body,
    )
    request.context["timestamp"] = server.headers["x-amz-date"]
    auth = SigV4Auth(credentials, "sqs", "eu-west-1")
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return str(auth.signature(text, request))


@pytest.mark.parametrize("credentials", [CREDENTIALS, TEMPORARY], ids=["lasting", "temporary"])
def test_a_request_has_the_signature_that_botocore_computes(
    credentials: Credentials, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    request = signer_of(credentials, server.url).request(
        "SendMessage", {"MessageBody": "Olá", "QueueUrl": f"{server.url}/1/a.fifo"}
    )
    response = HttpClient(hub=None, ca_bundle=ca_bundle()).send_and_wait(request, max_seconds=5)

    assert response.status == 200
    authorization = server.headers["authorization"]
    assert authorization.endswith(f"Signature={signature_by_botocore(credentials, server)}")
    assert f"Credential={credentials.access_key}/" in authorization
    assert "content-type;host;x-amz-date;" in authorization
    assert server.headers.get("x-amz-security-token") == credentials.token
    assert ("x-amz-security-token" in authorization) == bool(credentials.token)


def test_the_text_form_of_a_request_has_no_secret(server: Server) -> None:
    request = signer_of(TEMPORARY, server.url).request("SendMessage", {"MessageBody": "private"})

    text = repr(request)
    for secret in (TEMPORARY.access_key, TEMPORARY.secret_key, str(TEMPORARY.token), "private"):
        assert secret not in text

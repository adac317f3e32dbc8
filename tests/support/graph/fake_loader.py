"""A look-alike of Neptune's loader: it checks signatures, and answers what a test has laid ready."""

from __future__ import annotations

import json
import ssl
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.stand_ins.neptune.standin.errors import NeptuneError
from tests.stand_ins.neptune.standin.sigv4 import Verifier
from tests.support.processes.certificates import self_signed

LOAD = "ef478d76-d9da-4d94-8ff1-08d9d4863aa5"
KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


class NeptuneLoader:
    """One cluster's loader.

    Args:
        folder: For its certificate.

    Attributes:
        ca_file: The certificate that its clients must trust.
        answers: What it says to questions how far the load is: statuses with counts, or HTTP codes of failures; the
            last is said again and again.
        started: The loads that it was asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.answers: list[tuple[str, dict[str, Any]] | int] = []
        self.started: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.ca_file = folder / "ca.pem"
        self_signed(self.ca_file, folder / "key.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, folder / "key.pem")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address as a graph URL of Headwater."""
        return f"neptune://127.0.0.1:{self._server.server_address[1]}?region=us-east-1"

    @property
    def environment_of_clients(self) -> dict[str, str]:
        """Variables for who talks to it: credentials, and whom to trust."""
        return {
            "AWS_ACCESS_KEY_ID": KEYS[0],
            "AWS_SECRET_ACCESS_KEY": KEYS[1],
            "AWS_EC2_METADATA_DISABLED": "true",
            "HEADWATER_GRAPH": self.url,
            "SSL_CERT_FILE": str(self.ca_file),
        }

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The answer to a signed request."""
        if method == "POST" and path == "/loader":
            self.started.append(json.loads(body))
            return 200, {"status": "200 OK", "payload": {"loadId": LOAD}}
        if not path.startswith(f"/loader/{LOAD}?"):
            return 400, {"code": "BadRequestException", "detailedMessage": "Load not found"}
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, int):
            return said, {"code": "InternalFailureException"}
        status, more = said
        logs = more.get("errorLogs", [])
        counts = {key: value for key, value in more.items() if key != "errorLogs"}
        payload = {"overallStatus": {"status": status, "runNumber": 1, **counts}, "errors": {"errorLogs": logs}}
        return 200, {"status": "200 OK", "payload": payload}

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(loader: NeptuneLoader) -> type[BaseHTTPRequestHandler]:
    verifier = Verifier(*KEYS, region="us-east-1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def _serve(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                url = f"https://{self.headers['Host']}{self.path}"
                verifier.check(method, url, self.headers, body, datetime.now(UTC))
                code, document = loader.answer(method, self.path, body)
            except NeptuneError as error:
                code, document = 403, {"code": "AccessDeniedException", "detailedMessage": str(error)}
            data = json.dumps(document).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the library's signature
            pass

    return Handler

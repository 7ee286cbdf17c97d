"""An issuer of tokens on this machine: its key set over HTTP, and tokens it signs."""

import json
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shared.service_tokens import SigningKey, TokenIssuer

NAME = "https://login.test"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs in the name of NAME."""

    jwks_url: str
    key: SigningKey

    def token(self, audience: str, *, tenant: str = "acme", roles: Sequence[str] = ()) -> str:
        issuer = TokenIssuer(NAME, self.key)
        return issuer.issue(
            audience=audience, subject="ada", tenant=tenant, lifetime_s=600, roles=roles
        )


@contextmanager
def an_issuer() -> Generator[Issuer]:
    """Runs until the block ends."""
    key = SigningKey.generate()
    key_set = json.dumps(key.public_jwks()).encode()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(key_set)))
            self.end_headers()
            self.wfile.write(key_set)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Issuer(f"http://127.0.0.1:{server.server_port}/jwks.json", key)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""An issuer of tokens on this machine: its key set over HTTP, and tokens it signs."""

import json
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared.service_tokens import AT_JWT, SigningKey, TokenIssuer

NAME = "https://login.test"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs in its own name."""

    jwks_url: str
    key: SigningKey
    name: str = NAME

    def token(
        self,
        audience: str,
        scope: str,
        *,
        subject: str = "ada",
        tenant: str = "acme",
        roles: Sequence[str] = (),
        client: str = "",
    ) -> str:
        """An access token of ten minutes."""
        return TokenIssuer(self.name, self.key).issue(
            audience=audience,
            subject=subject,
            tenant=tenant,
            lifetime_s=600,
            roles=roles,
            scope=scope,
            client=client,
            token_type=AT_JWT,
        )


@contextmanager
def an_issuer(
    name: str = NAME, *, foreign_keys: Sequence[dict[str, Any]] = ()
) -> Generator[Issuer]:
    """Runs until the block ends. Its key set has the foreign keys (JWK), too."""
    key = SigningKey.generate()
    key_set = json.dumps({"keys": [*key.public_jwks()["keys"], *foreign_keys]}).encode()

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
        yield Issuer(f"http://127.0.0.1:{server.server_port}/jwks.json", key, name)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A tool server as agents meet it from outside: it says who gives out tokens for it, and takes those."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

METADATA = "/.well-known/oauth-protected-resource/mcp"


@dataclass
class ProtectedResource:
    """One that needs the right that the path names, `/mcp` the first one."""

    url: str
    issuer: str
    right: str
    claims: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Of the tokens that were let through."""

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body."""
        if path == METADATA:
            return 200, {}, {"resource": self.url, "authorization_servers": [self.issuer]}
        wanted = path.removeprefix("/mcp").strip("/") or self.right
        metadata = f'resource_metadata="{self.url.removesuffix("/mcp")}{METADATA}"'
        claims = self._claims(authorization.removeprefix("Bearer "))
        if claims is None:
            return 401, {"WWW-Authenticate": f'Bearer {metadata}, scope="{wanted}"'}, {}
        if wanted not in claims["scope"].split():
            challenge = f'Bearer error="insufficient_scope", scope="{wanted}", {metadata}'
            return 403, {"WWW-Authenticate": challenge}, {}
        self.claims.append(claims)
        return 200, {}, {"sub": claims["sub"]}

    def _claims(self, token: str) -> dict[str, Any] | None:
        try:
            keys = KeySet.import_key_set(httpx.get(f"{self.issuer}/.well-known/jwks.json").json())
            decoded = jwt.decode(token, keys, algorithms=["Ed25519"])
        except (JoseError, ValueError):
            return None
        claims: dict[str, Any] = decoded.claims
        is_ours = (claims["iss"], claims["aud"]) == (self.issuer, self.url)
        return claims if is_ours and decoded.header["typ"] == "at+jwt" else None


@contextmanager
def protected_resource(port: int, issuer: str, right: str) -> Generator[ProtectedResource]:
    """Gone at the end."""
    resource = ProtectedResource(f"http://127.0.0.1:{port}/mcp", issuer, right)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = self.headers.get("Authorization", "")
            status, headers, body = resource.answer(self.path, told)
            octets = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(octets))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield resource
        server.shutdown()
        thread.join()

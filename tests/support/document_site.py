"""A site of an agent's maker, over TLS, with the document by which the agent names itself."""

import json
import ssl
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from support.certificates import Certificate, certificate

from frontend.oauth_server.outside import Outside
from shared.networks import Address

HOST = "agent.test"
HERE = "127.0.0.1"
PATH = "/client.json"


@dataclass(frozen=True)
class Served:
    """What is answered at a path."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass
class DocumentSite:
    """What it serves, and who asked."""

    port: int
    ca_file: Path
    host: str
    served: dict[str, Served] = field(default_factory=dict[str, Served])
    asked: list[str] = field(default_factory=list[str])
    lookups: list[str] = field(default_factory=list[str])
    addresses: list[str] = field(default_factory=lambda: [HERE])
    """What the name stands for."""

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}{PATH}"

    def describe(self, headers: Mapping[str, str] | None = None, **changes: Any) -> str:
        """Serve a document that is right but for the changes; None leaves a field out. Gives its address."""
        document = {
            "client_id": self.url,
            "client_name": "Travel Agent",
            "redirect_uris": ["https://agent.test/callback", "http://127.0.0.1/callback"],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            **changes,
        }
        told = {name: value for name, value in document.items() if value is not None}
        fields = {"Content-Type": "application/json", **(headers or {})}
        self.served[PATH] = Served(json.dumps(told).encode(), headers=fields)
        return self.url

    def outside(self, *, is_reachable: bool = True, **options: Any) -> Outside:
        """A reader for whom this site is the web, or for whom it is inside."""
        return Outside(
            reachable=[ip_network(f"{HERE}/32")] if is_reachable else [],
            resolve=self._resolve,
            make_tls=lambda: ssl.create_default_context(cafile=self.ca_file),
            **options,
        )

    def _resolve(self, name: str) -> list[Address]:
        self.lookups.append(name)
        return [ip_address(one) for one in self.addresses]


@contextmanager
def document_site(folder: Path, host: str = HOST) -> Generator[DocumentSite]:
    """Gone at the end."""
    made: Certificate = certificate(folder, host)
    site = DocumentSite(0, made.ca_file, host)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            answer = site.served.get(self.path.partition("?")[0], Served(status=404))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            body = [answer.body] if isinstance(answer.body, bytes) else answer.body
            try:
                for piece in body:
                    self.wfile.write(piece)
            except OSError:
                return  # who asked has heard enough

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that break off a handshake are meant to."""

    with Server((HERE, 0), Handler) as server:
        server.socket = made.context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield site
        server.shutdown()
        thread.join()

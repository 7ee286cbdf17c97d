"""Makes once in a process what libraries make anew for each application and HTTP client, of which tests make many.

Nothing that a test could see changes: what is kept depends on nothing but what it is kept under.
"""

import os
import ssl
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import httpx
import httpx2
from werkzeug.routing import Rule


def make_once() -> None:
    """For the rest of the process."""
    _compile_routes_once()
    for library in (httpx, httpx2):
        _read_authorities_once(library)


def _compile_routes_once() -> None:
    """What builds the addresses of a route: werkzeug compiles Python for each, a tenth of a second in all."""
    compile_builder: Callable[..., Any] = Rule._compile_builder  # pyright: ignore[reportPrivateUsage]
    known: dict[object, Any] = {}

    def compiled(rule: Any, append_unknown: bool = True) -> Any:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    Rule._compile_builder = compiled  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]


def _read_authorities_once(library: ModuleType) -> None:
    """The authorities whose certificates count, where a client is told nothing of its own: 20 ms each time."""
    create: Callable[..., ssl.SSLContext] = library.create_ssl_context
    named_by = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")

    @cache
    def usual(trust_env: bool, *environment: str | None) -> ssl.SSLContext:
        del environment  # what it says has been read
        return create(trust_env=trust_env)

    def created(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is True and cert is None:
            return usual(trust_env, *map(os.environ.get, named_by))
        return create(verify, cert, trust_env)

    library._transports.default.create_ssl_context = created

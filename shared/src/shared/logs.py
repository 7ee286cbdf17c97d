"""Structured logs: events with fields, one JSON object a line (or a readable line on a terminal)."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["json", "console"]

_SECRET_NAME = re.compile(
    r"(^|_)(authorization|password|passwd|secret|token|api_key|cookie|dsn|private_key)($|_)",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"(Bearer\s+)[\w.~+/=-]{8,}"  # an Authorization header
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+"  # a JWT
    r"|\bsk-[\w-]{8,}"  # a model provider's key
    r"|\b(?:stw|swa|swr)_[0-9a-f]{12,32}_[0-9a-f]{8,}"  # our own API keys and tokens
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # credentials in a URL
)


def redact(value: str) -> str:
    """Replace what looks like a credential by `[redacted]`."""
    return _SECRET_VALUE.sub("[redacted]", value)


def _redact_event(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    _redact_mapping(event)
    return event


def _redact_mapping(fields: MutableMapping[str, Any]) -> None:
    for name, value in fields.items():
        if _SECRET_NAME.search(name):
            fields[name] = "[redacted]"
        elif isinstance(value, str):
            fields[name] = redact(value)
        elif isinstance(value, Mapping):
            fields[name] = inner = dict(cast(Mapping[str, Any], value))
            _redact_mapping(inner)


def configure(service: str, *, level: str = "INFO", log_format: LogFormat = "json") -> None:
    """Send structlog and the standard library's logging through one pipeline to standard error.

    Exceptions are rendered before redaction, so a credential in a traceback does not get through.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=28)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in (
        "httpx",
        "httpx2",
        "httpcore",
        "httpcore2",
        "mcp",
        "openai",
        "geventwebsocket",
        "alembic",
    ):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)

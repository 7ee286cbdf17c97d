"""What `/live`, `/ready` and `/metrics` answer, free of any web framework.

`/live` touches nothing. `/ready` asks what the service cannot work without.
"""

from collections.abc import Mapping

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from pydantic import JsonValue

LIVE: dict[str, JsonValue] = {"status": "live"}


def readiness(problems: Mapping[str, str | None]) -> tuple[int, dict[str, JsonValue]]:
    """HTTP status and body for what was checked: a name each, and None or what is wrong with it."""
    ready = not any(problems.values())
    checks: dict[str, JsonValue] = {name: problem or "ok" for name, problem in problems.items()}
    return (200 if ready else 503), {"status": "ready" if ready else "not_ready", "checks": checks}


def metrics() -> tuple[bytes, str]:
    """The process's metrics in Prometheus' text format, and their content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST

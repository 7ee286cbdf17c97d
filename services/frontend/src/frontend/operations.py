"""Health, metrics and the public keys."""

import redis
from flask import Response, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from frontend.parts import parts
from frontend.rights import ANYBODY, Routes
from shared import health

routes = Routes("operations", rule=ANYBODY)


@routes.get("/live")
def live() -> ResponseReturnValue:
    return jsonify(health.LIVE)


@routes.get("/ready")
def ready() -> ResponseReturnValue:
    """Not the orchestrator: while it is away, pages still open and say so, and connect again by themselves."""
    status, body = health.readiness({"database": _database_problem(), "redis": _redis_problem()})
    return jsonify(body), status


@routes.get("/metrics")
def metrics() -> ResponseReturnValue:
    body, content_type = health.metrics()
    return Response(body, content_type=content_type)


@routes.get("/.well-known/jwks.json")
def jwks() -> ResponseReturnValue:
    return jsonify(parts().key.public_jwks())


def _database_problem() -> str | None:
    try:
        with parts().database.transaction() as transaction:
            transaction.execute(text("SELECT 1 FROM people LIMIT 1"))
    except SQLAlchemyError:
        return "not reachable, or not migrated: run `frontend migrate`"
    return None


def _redis_problem() -> str | None:
    try:
        parts().redis.ping()  # pyright: ignore[reportUnknownMemberType]
    except redis.RedisError:
        return "does not answer"
    return None

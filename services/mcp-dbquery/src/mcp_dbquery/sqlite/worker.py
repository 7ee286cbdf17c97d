"""The process in which statements run: bounded in memory, killed when it overruns, with nothing to lose.

Started as `python -m mcp_dbquery.sqlite.worker`. Reads one request at a time from standard input and writes its
answer to standard output, each as a length (4 bytes, big endian) and JSON; the first thing it writes says that it is
ready. Ends when its input ends, so it outlives a server that was killed by one statement's time at most. Imports
little: it has to start quickly.
"""

import resource
import struct
import sys
import time
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import apsw
import orjson

from mcp_dbquery.sqlite.answers import Bounds
from mcp_dbquery.sqlite.describe import describe
from mcp_dbquery.sqlite.rules import Rules, of_message
from mcp_dbquery.sqlite.running import AWAY, Asked, Failed, explain, read
from mcp_dbquery.sqlite.session import RuleDoesNotFit, Session, SessionIsOld, open_session

SESSIONS = 16
"""Connections kept ready, each for the rules of one caller."""
ENGINE_SHARE = 0.5
"""Of the process's memory, what SQLite may take. It says so when there is no more; the process just ends."""


def main() -> None:
    """Answer requests until standard input ends. Arguments: the database file, memory limit in MB."""
    path, memory_mb = Path(sys.argv[1]), int(sys.argv[2])
    limit = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    apsw.hard_heap_limit(int(limit * ENGINE_SHARE))
    desk = Desk(path)
    write_message(sys.stdout.buffer, {"ready": True})
    while (request := read_message(sys.stdin.buffer)) is not None:
        write_message(sys.stdout.buffer, desk.answer(request))


def read_message(stream: BinaryIO) -> dict[str, Any] | None:
    header = stream.read(4)
    if len(header) < 4:
        return None
    (length,) = struct.unpack(">I", header)
    return orjson.loads(stream.read(length))


def write_message(stream: BinaryIO, message: Mapping[str, Any]) -> None:
    body = orjson.dumps(message)
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


class Desk:
    """Answers requests about one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def answer(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """What was asked for, or `problem`: its `kind`, and a `text` without a stored value."""
        try:
            return self._done(request)
        except Failed as failed:
            return failed.answer
        except RuleDoesNotFit as problem:
            return Failed("rules", str(problem)).answer
        except OSError:
            return Failed("away", "its file cannot be opened").answer
        except apsw.Error as error:
            away = (text for kind, text in AWAY.items() if isinstance(error, kind))
            return Failed("away", next(away, "its file cannot be read")).answer
        except MemoryError:
            return Failed("memory").answer

    def _done(self, request: dict[str, Any]) -> Mapping[str, Any]:
        rules = of_message(request["rules"])
        session = self._session(request["session"], rules)
        try:
            return _do(session, request)
        except SessionIsOld:
            self._drop(request["session"])
            return _do(self._session(request["session"], rules), request)

    def _session(self, key: str, rules: Rules) -> Session:
        known = self._sessions.get(key)
        if known is not None:
            self._sessions.move_to_end(key)
            return known
        session = self._sessions[key] = open_session(self._path, rules)
        if len(self._sessions) > SESSIONS:
            self._sessions.popitem(last=False)[1].close()
        return session

    def _drop(self, key: str) -> None:
        self._sessions.pop(key).close()


def _do(session: Session, request: dict[str, Any]) -> Mapping[str, Any]:
    match request["do"]:
        case "read":
            return {**read(session, _asked(request)), "schema": _schema(session)}
        case "explain":
            return explain(session, _asked(request))
        case _:
            return {"relations": describe(session), "schema": _schema(session)}


def _asked(request: dict[str, Any]) -> Asked:
    return Asked(
        sql=request["sql"],
        parameters=request["parameters"],
        deadline=time.monotonic() + request["timeout_s"],
        bounds=Bounds(
            rows=request["max_rows"],
            bytes=request["max_bytes"],
            cell_characters=request["max_cell"],
        ),
        max_columns=request["max_columns"],
    )


def _schema(session: Session) -> str:
    of = session.of_file
    return f"{of.device}:{of.inode}:{of.schema_version}"


if __name__ == "__main__":
    main()

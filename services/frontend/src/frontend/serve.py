"""Serves over gevent. Imported by `__main__` only after everything was patched."""

import signal
import socket
from collections.abc import Callable
from typing import Any, cast

import gevent
import structlog
from gevent import pywsgi
from gevent.event import Event
from gevent.lock import RLock
from gevent.pool import Pool
from gevent.socket import socket as GeventSocket  # noqa: N812 - a class, whatever its spelling
from gevent.threadpool import ThreadPool

from frontend.accounts.passwords import RunInThread
from frontend.app import Application, create_app
from frontend.chat.socket import CONNECTION
from frontend.settings import Settings
from frontend.tenants.purge import keep_purging

BACKLOG = 1_024
STOP_WITHIN_S = 1
PASSWORDS_AT_ONCE = 2
"""Each check takes 64 MB and a processor for a tenth of a second."""

log = structlog.get_logger()


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then close within a few seconds.

    Raises:
        OSError: the address cannot be listened on, or a key file cannot be read.
        ValueError: a key file holds no key.
        BadSetup: see `create_app`.
    """
    run_in_thread = cast("RunInThread", ThreadPool(PASSWORDS_AT_ONCE).apply)
    application = create_app(settings, run_in_thread=run_in_thread, run_later=_run_later)
    listener = listen(host, port)
    application.parts.passwords.prepare()
    requests = Pool()
    server = _Server(listener, application.flask, spawn=requests, handler_class=_Handler, log=None)
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    server.start()
    gevent.spawn(application.sockets.keep_checking_sessions)
    gevent.spawn(keep_purging, application.parts, gevent.sleep)
    log.info("serving", host=host, port=port)
    stopping.wait()
    _stop(server, requests, application)


def _run_later(work: Callable[[], None]) -> None:
    gevent.spawn(work)


def _stop(server: pywsgi.WSGIServer, requests: Pool, application: Application) -> None:
    log.info("stopping")
    server.close()
    application.sockets.close_all()
    # Idle connections of browsers never end by themselves: they get no more than requests need that are under way.
    requests.join(timeout=STOP_WITHIN_S)
    requests.kill(block=False)
    application.parts.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket whose connections send at once: with Nagle a token waits up to 40 ms for an ACK."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host.strip("[]"), port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise OSError(f"{host}:{port} cannot be listened on ({error.strerror}).") from None
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _WholeSocket(GeventSocket):
    """Sends everything it is given, one message after the other.

    simple-websocket calls `send` once for each message. On gevent's sockets that may send a part of it only, and the
    rest of a long message would be lost, with all that follows.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._one_at_a_time = RLock()

    def send(self, data: Any, flags: int = 0, **options: Any) -> int:
        whole = memoryview(data)
        sent = 0
        with self._one_at_a_time:
            while sent < len(whole):
                sent += super().send(whole[sent:], flags, **options)
        return sent


class _Server(pywsgi.WSGIServer):
    def do_read(self) -> Any:
        accepted: tuple[GeventSocket, Any] | None = cast(Any, super().do_read())
        if accepted is None:  # somebody else was quicker, or the caller left
            return None
        connection, address = accepted
        whole = _WholeSocket(
            connection.family, connection.type, connection.proto, fileno=connection.detach()
        )
        return whole, address


class _Handler(pywsgi.WSGIHandler):
    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), CONNECTION: self.socket}

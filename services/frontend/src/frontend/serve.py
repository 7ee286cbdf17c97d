"""Serves over gevent. Imported by `__main__` only after everything was patched."""

import signal
import socket
from typing import cast

import gevent
import structlog
from gevent import pywsgi
from gevent.event import Event

from frontend.accounts.passwords import RunInThread
from frontend.app import create_app
from frontend.settings import Settings

BACKLOG = 1_024
STOP_WITHIN_S = 2

log = structlog.get_logger()


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then close within a few seconds."""
    pool = gevent.get_hub().threadpool
    application = create_app(settings, run_in_thread=cast("RunInThread", pool.apply))
    server = pywsgi.WSGIServer(_listen(host, port), application.flask, log=None, error_log=None)
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    server.start()
    log.info("serving", host=host, port=port)
    stopping.wait()
    server.stop(timeout=STOP_WITHIN_S)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket whose connections send at once: with Nagle a token waits up to 40 ms for an ACK."""
    listener = socket.create_server((host, port), backlog=BACKLOG)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener

"""A real Postfix of the tests' own before a Dovecot: takes mails over STARTTLS and delivers them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.dovecot import Dovecot
from support.ports import free_port
from support.process_group import process_group

from mcp_email.config import Server
from shared.config_file import Secret
from steward_dev.dovecot import find_postfix

USER = "postfix"
DAEMONS = Path("/usr/lib/postfix/sbin")
_OWNED = (
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "private",
    "saved",
    "trace",
)
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
mail_owner = {user}
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.org
mydestination =
alias_maps =
local_recipient_maps =
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
virtual_mailbox_domains = example.org
virtual_transport = lmtp:unix:{dovecot}/lmtp
default_transport = error:nothing leaves this machine
relay_transport = error:nothing leaves this machine
smtpd_peername_lookup = no
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {folder}/server.pem
smtpd_tls_key_file = {folder}/server.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {dovecot}/auth
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
error unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running server."""

    port: int
    dovecot: Dovecot

    def server(self, user: str) -> Server:
        return Server(
            host="127.0.0.1", port=self.port, security="starttls", user=user, ca_file=self.dovecot.ca_file,
            password=Secret(file=self.dovecot.password_file),
        )  # fmt: skip


@contextmanager
def postfix(dovecot: Dovecot) -> Generator[Postfix]:
    """Started, with an empty queue; everything is gone at the end."""
    assert find_postfix(), "no Postfix: `make test` installs it or leaves these tests out"
    with tempfile.TemporaryDirectory(prefix="pf-") as directory:
        folder = Path(directory)
        folder.chmod(0o755)
        for name in (
            "conf",
            "data",
            "queue",
            *(f"queue/{one}" for one in (*_OWNED, "pid", "public", "maildrop")),
        ):
            (folder / name).mkdir()
        for name in ("data", *(f"queue/{one}" for one in (*_OWNED, "public", "maildrop"))):
            shutil.chown(folder / name, USER)
        for name in ("public", "maildrop"):
            shutil.chown(folder / "queue" / name, group="postdrop")
        shutil.copy(dovecot.folder / "server.pem", folder / "server.pem")
        server = Postfix(free_port(), dovecot)
        (folder / "conf" / "main.cf").write_text(
            _MAIN.format(folder=folder, dovecot=dovecot.folder, daemons=DAEMONS, user=USER)
        )
        (folder / "conf" / "master.cf").write_text(_MASTER.format(port=server.port))
        command = [str(DAEMONS / "master"), "-c", str(folder / "conf"), "-d"]
        log = folder / "log"
        with process_group(command, stderr=subprocess.DEVNULL) as process:
            while not log.exists() or "daemon started" not in log.read_text():
                assert process.poll() is None, log.read_text() if log.exists() else "it ended"
                os.sched_yield()
            yield server

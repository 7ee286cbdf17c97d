"""A real Dovecot of the tests' own: every user there is has the same password and an empty mailbox."""

import os
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.certificates import certificate
from support.ports import free_port
from support.process_group import process_group

from mcp_email.config import Account, Server
from shared.config_file import Secret
from steward_dev.dovecot import find_dovecot

PASSWORD = "correct-horse"
NOBODY = 65_534

_CONFIG = """
base_dir = {run}
state_dir = {run}
log_path = {log}
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:~/mail:LAYOUT=fs
mail_max_userip_connections = {connections}
first_valid_uid = 1
mail_fsync = never
imap_idle_notify_interval = 24 hours
lmtp_save_to_detail_mailbox = no
auth_username_format = %Ln
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
  mailbox Junk {{
    auto = subscribe
    special_use = \\Junk
  }}
  mailbox Archive {{
    auto = subscribe
    special_use = \\Archive
  }}
}}
service imap-login {{
  {chroot}
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
service lmtp {{
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
{unprivileged}
"""


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running server."""

    port: int
    tls_port: int
    folder: Path
    password_file: Path
    ca_file: Path

    def server(self, user: str, *, security: str = "plain", timeout_s: float = 20) -> Server:
        return Server.model_validate(
            {"host": "127.0.0.1", "port": self.tls_port if security == "tls" else self.port, "security": security,
             "user": user, "password": Secret(file=self.password_file), "timeout_s": timeout_s,
             "ca_file": self.ca_file}
        )  # fmt: skip

    def account(self, user: str, *, security: str = "plain") -> Account:
        return Account(address=f"{user}@example.org", imap=self.server(user, security=security))

    def deliver(self, user: str, mails: Sequence[bytes], folder: str = "") -> None:
        """Put mails into a folder as a delivery would, without the server; before anybody opened it."""
        place = self.folder / "home" / user / "mail" / folder
        for name in ("new", "cur", "tmp"):
            (place / name).mkdir(parents=True, exist_ok=True)
        now = int(time.time())
        for number, mail in enumerate(mails):
            path = place / "cur" / f"{now - len(mails) + number}.M{number}P1.test:2,"
            path.write_bytes(mail)
            received = now - (len(mails) - number) * 60
            os.utime(path, (received, received))
        if os.geteuid() == 0:
            for path in (self.folder / "home" / user, *(self.folder / "home" / user).rglob("*")):
                os.chown(path, NOBODY, NOBODY)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@contextmanager
def dovecot() -> Generator[Dovecot]:
    """Started, with no mails; everything is gone at the end."""
    program = find_dovecot()
    assert program is not None, "no Dovecot: `make test` installs it or leaves these tests out"
    with tempfile.TemporaryDirectory(prefix="dc-") as directory:
        folder = Path(directory)
        folder.chmod(0o755)
        ca_file = certificate(folder).ca_file
        is_root = os.geteuid() == 0
        user, group = (NOBODY, NOBODY) if is_root else (os.getuid(), os.getgid())
        for name in ("home", "run"):
            (folder / name).mkdir()
        if is_root:
            os.chown(folder / "home", NOBODY, NOBODY)
        password_file = folder / "password"
        password_file.write_text(PASSWORD)
        server = Dovecot(free_port(), free_port(), folder, password_file, ca_file)
        own = "" if is_root else "default_internal_user = {0}\ndefault_login_user = {0}\n".format(
            os.environ.get("USER", "")
        )  # fmt: skip
        config = folder / "dovecot.conf"
        config.write_text(
            _CONFIG.format(
                run=folder / "run", log=folder / "log", folder=folder, password=PASSWORD,
                connections=10, uid=user, gid=group, port=server.port, tls_port=server.tls_port,
                chroot="" if is_root else "chroot =", unprivileged=own,
            )
        )  # fmt: skip
        (folder / "log").touch()
        command = [program, "-F", "-c", str(config)]
        with process_group(command, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            while "Dovecot v" not in server.log():
                if process.poll() is not None:
                    raise AssertionError(process.stderr.read().decode() + server.log())
                os.sched_yield()
            yield server

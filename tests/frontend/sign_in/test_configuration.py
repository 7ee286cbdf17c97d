"""What operators write down about providers and the mail server, and what is wrong with it."""

import smtplib
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pydantic import ValidationError
from support.certificates import Certificate, certificate
from support.mail_sink import MailSink
from support.ports import free_port

from frontend.mail import Mailer, make_mailer
from frontend.settings import Settings
from frontend.sign_in.provider_config import Provider, read_providers
from shared.errors import BadSetup, Unavailable

REQUIRED: dict[str, Any] = {
    "database_url": "sqlite://",
    "redis_url": "redis://127.0.0.1",
    "key_file": "key.json",
    "secret_key_file": "secret",
    "issuer": "http://127.0.0.1",
    "public_url": "http://127.0.0.1",
    "orchestrator_url": "http://127.0.0.1",
}


def mailer(**settings: Any) -> Mailer:
    return make_mailer(Settings.model_validate({**REQUIRED, **settings}))


def test_a_file_names_providers_and_where_their_secrets_are(tmp_path: Path) -> None:
    file = tmp_path / "sign-in.toml"
    file.write_text(
        '[google]\nkind = "google"\nclient_id = "x"\nclient_secret = { file = "secret" }\n'
        '[acme]\nissuer = "https://login.acme.example"\nclient_id = "y"\n'
    )

    providers = read_providers(file)

    assert providers["google"].issuer_url == "https://accounts.google.com"
    assert providers["google"].name_for_people("google") == "Google"
    assert providers["acme"].name_for_people("acme") == "Acme"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({}, "needs its issuer"),
        ({"issuer": "http://login.acme.example"}, "https://"),
        ({"issuer": "https://login.acme.example?x=1"}, "https://"),
        ({"issuer": "https://a.example", "scopes": ["email"]}, "openid"),
        ({"kind": "google", "newcomers": "first_organisation"}, "newcomer_domains"),
        ({"issuer": "https://a.example", "client_secret": "in the open"}, "client_secret"),
        ({"issuer": "https://a.example", "newcomer_role": "owner"}, "newcomer_role"),
        ({"issuer": "https://a.example", "trusted": ["a.example"]}, "trusted"),
    ],
)
def test_what_would_be_unsafe_or_means_nothing_is_refused(
    wrong: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Provider.model_validate({"client_id": "steward", **wrong})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"smtp_url": "http://mail.example"}, "FRONTEND_SMTP_URL"),
        ({"smtp_url": "smtp://"}, "FRONTEND_SMTP_URL"),
        ({"mail_from": "nobody"}, "FRONTEND_MAIL_FROM"),
        ({"smtp_url": "smtp://m.example", "smtp_password_file": "/none"}, "password"),
    ],
)
def test_a_mail_server_that_cannot_be_one_stops_the_start(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadSetup, match=sentence):
        mailer(**settings)


class _Tls(Controller):
    """As a provider's mail server: TLS from the first byte, and a password."""

    def __init__(self, sink: MailSink, told: list[bytes], certificate: Certificate) -> None:
        def check(
            _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
        ) -> AuthResult:
            told.append(data.password)
            # Not handled: the server itself must answer a wrong one, else the client waits until its patience ends.
            return AuthResult(success=data.password == b"p@ss word", handled=False)

        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            sink,
            hostname="127.0.0.1",
            port=sink.port,
            ssl_context=certificate.context,
            authenticator=check,
            auth_required=True,
            auth_require_tls=False,  # It does not see that the whole connection is one.
        )


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_mail_leaves_over_tls_with_a_password_to_a_server_that_is_the_right_one(
    tmp_path: Path,
) -> None:
    made = certificate(tmp_path)
    sink, told = MailSink(free_port()), list[bytes]()
    server = _Tls(sink, told, made)
    server.start()
    try:
        url = f"smtps://ada:p%40ss%20word@127.0.0.1:{sink.port}"
        with pytest.raises(Unavailable):
            mailer(smtp_url=url).send("bob@example.org", "No", "text")
        assert told == [], "no password before the certificate is trusted"

        trusted = {"smtp_ca_file": made.ca_file, "mail_from": "Grüße <steward@example.org>"}
        mailer(smtp_url=url, **trusted).send("bob@example.org", "Grüße\r\nBcc: x@y", "Ünïcode")

        password = tmp_path / "password"
        password.write_text("wrong\n")
        with pytest.raises(Unavailable):
            mailer(smtp_url=url, smtp_password_file=password, **trusted).send("b@c.example", "", "")
    finally:
        server.stop()
    assert sink.last()["Subject"] == "Grüße Bcc: x@y"
    assert sink.last()["Bcc"] is None
    assert sink.text().strip() == "Ünïcode"


def test_to_another_machine_nothing_is_said_before_starttls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sink = MailSink(free_port())
    plain = Controller(sink, hostname="127.0.0.1", port=sink.port)
    plain.start()
    connect = smtplib.SMTP.connect

    def connect_here(connection: smtplib.SMTP, *_: Any) -> Any:
        return connect(connection, "127.0.0.1", sink.port)

    monkeypatch.setattr(smtplib.SMTP, "connect", connect_here)
    try:
        with pytest.raises(Unavailable):
            mailer(smtp_url="smtp://mail.example.org").send("bob@example.org", "No", "text")
    finally:
        plain.stop()
    assert sink.mails == []

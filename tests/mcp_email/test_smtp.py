"""The transport against a server that goes wrong at every stage: what was delivered, and what it says."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import httpx
import pytest
from support.certificates import certificate
from support.ports import free_port
from support.smtp_server import (
    Act,
    FaultServer,
    Session,
    Stage,
    drop,
    say,
    slow,
    smtp_server,
    stall,
)

from mcp_email.config import OAuth, Server
from mcp_email.mail import Delivery
from mcp_email.oauth import AccessTokens, SignInRefused
from mcp_email.smtp import SmtpTransport
from shared.config_file import Secret

MAIL = b"Message-ID: <1@example.org>\r\nSubject: Lunch\r\n\r\nAt noon?\r\n"
TO = ["bob@example.com", "eve@example.com"]


async def nothing() -> None:
    pass


async def sent(
    server: FaultServer,
    *,
    data: bytes = MAIL,
    before_data: Callable[[], Awaitable[None]] = nothing,
    timeout_s: float = 5,
) -> Delivery:
    config = Server(host="127.0.0.1", port=server.port, security="plain", timeout_s=timeout_s)
    return await SmtpTransport(config).send("ada@example.org", TO, data, before_data)


async def test_a_mail_is_taken_as_it_is_by_everybody_in_the_envelope() -> None:
    async with smtp_server() as server:
        delivery = await sent(server)
    assert delivery == Delivery("sent", accepted=tuple(TO), smtp_code=250)
    assert server.mails == [("ada@example.org", TO, MAIL)]
    assert server.commands[-1] == "QUIT"


FAILURES: list[tuple[Stage, list[Act | None], str, str, int | None, bool]] = [
    ("greeting", [say("421 Closing")], "connect", "closes its service", 421, True),
    ("greeting", [say("554 Go away")], "connect", "refused", 554, False),
    ("greeting", [drop()], "connect", "cannot be reached", None, True),
    ("greeting", [say("SSH-2.0-OpenSSH_9.6")], "connect", "no SMTP", None, False),
    ("greeting", [say(b"220-" + b"x" * 100_000)], "connect", "no SMTP", None, False),
    ("ehlo", [say("502 Unknown")], "connect", "refused", 502, False),
    ("ehlo", [say("250 \xff\xfe")], "connect", "", None, False),
    ("ehlo", [drop()], "connect", "cannot be reached", None, True),
    ("mail", [say("451 4.3.0 Later")], "mail", "later try", 451, True),
    ("mail", [say("550 5.7.1 Not you")], "mail", "does not let this account send", 550, False),
    ("mail", [say("552 5.3.4 Too big")], "mail", "larger than the mail server takes", 552, False),
    ("mail", [say("530 5.7.0 Sign in")], "mail", "wants a sign-in", 530, False),
    ("mail", [drop()], "mail", "closed the connection", None, True),
    ("rcpt", [say("451 4.7.1 Greylisted")], "rcpt", "greylisting", 451, True),
    ("rcpt", [say("450 Busy")], "rcpt", "greylisting", 450, True),
    ("rcpt", [say("550 5.1.1 Nobody")], "rcpt", "no such recipient", 550, False),
    ("rcpt", [say("552 5.2.2 Full")], "rcpt", "mailbox is full", 552, False),
    ("rcpt", [say("421 4.3.2 Closing")], "rcpt", "closes its service", 421, True),
    ("rcpt", [drop()], "rcpt", "closed the connection", None, True),
    ("rcpt", [None, say("550 5.1.1 Nobody")], "rcpt", "no such recipient", 550, False),
    ("rcpt", [say("250-" + "x" * 40_000)], "rcpt", "no SMTP", None, False),
    ("data", [say("451 4.3.0 Later")], "data", "later try", 451, True),
    ("data", [say("554 5.7.1 Spam")], "data", "refused the mail", 554, False),
    ("data", [say("250 Ok")], "data", "no SMTP", None, False),
    ("data", [drop()], "data", "nothing was sent", None, True),
    ("data", [say(b"354 Go\r\n250 Taken\r\n")], "data", "no SMTP", None, False),
    ("dot", [say("451 4.7.1 Greylisted")], "data", "greylisting", 451, True),
    ("dot", [say("421 Closing")], "data", "closes its service", 421, True),
    ("dot", [say("452 4.3.1 No room")], "data", "too little room", 452, True),
    ("dot", [say("550 5.7.1 Not here")], "data", "refused", 550, False),
    ("dot", [say("552 5.2.2 Full")], "data", "mailbox is full", 552, False),
    ("dot", [say("554 Spam")], "data", "perhaps as spam", 554, False),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "acts", "ended_at", "says", "code", "is_transient"), FAILURES)
async def test_what_goes_wrong_for_certain_is_failed_and_nobody_got_it(
    stage: Stage,
    acts: list[Act | None],
    ended_at: str,
    says: str,
    code: int | None,
    is_transient: bool,
) -> None:
    async with smtp_server() as server:
        server.when(stage, *acts)
        delivery = await sent(server)
    if stage == "ehlo" and not says:
        assert delivery.state in {
            "failed",
            "sent",
        }  # Words in another charset are no reason to stop.
        return
    assert (delivery.state, delivery.stage, delivery.smtp_code) == ("failed", ended_at, code)
    assert says in delivery.reason
    assert delivery.is_transient == is_transient
    assert (server.mails, server.connections) == ([], 1)


UNKNOWN: list[tuple[Stage, Act, int]] = [
    ("dot", drop(), 0),
    ("after", drop(), 1),
    ("body", drop(), 0),
    ("dot", say("banana"), 0),
    ("dot", say("999 What"), 0),
    ("dot", say("354 Go on"), 0),
    ("dot", say(b"250" + b"-x\r\n250" * 9_000), 0),
    ("after", say(b"\x00\x01\x02\r\n"), 1),
]


@pytest.mark.parametrize(("stage", "act", "delivered"), UNKNOWN)
async def test_an_answer_lost_after_the_mail_began_is_unknown(
    stage: Stage, act: Act, delivered: int
) -> None:
    async with smtp_server() as server:
        server.when(stage, act)
        delivery = await sent(server)
    assert (delivery.state, delivery.stage, delivery.accepted) == ("unknown", "data", ())
    assert (len(server.mails), server.connections) == (delivered, 1)


@pytest.mark.parametrize(
    ("stage", "state"),
    [("greeting", "failed"), ("rcpt", "failed"), ("data", "failed"), ("dot", "unknown"), ("after", "unknown")],
)  # fmt: skip
async def test_a_server_that_says_nothing_more_is_not_waited_for_for_ever(
    stage: Stage, state: str
) -> None:
    async with smtp_server() as server:
        server.when(stage, stall())
        delivery = await sent(server, timeout_s=0.05)
    assert delivery.state == state
    assert "in time" in delivery.reason


async def test_a_slow_server_is_only_slow() -> None:
    async with smtp_server() as server:
        server.when("greeting", slow())
        delivery = await sent(server)
    assert (delivery.state, delivery.reason) == ("sent", "")


async def test_one_refused_recipient_means_that_nobody_gets_it() -> None:
    async with smtp_server() as server:
        server.when("rcpt", None, say("550 5.1.1 No Eve here"))
        delivery = await sent(server, before_data=_must_not_run)
    assert [(one.address, one.code) for one in delivery.rejected] == [("eve@example.com", 550)]
    assert server.mails == []
    assert "RSET" in server.commands


LONG = MAIL + b"y" * 70 + b"\r\n" + b"z" * 8_000_000


@pytest.mark.parametrize("security", ["plain", "tls"])
@pytest.mark.parametrize(
    ("answer", "state", "is_transient"),
    [("250 Already", "unknown", False), ("552 5.3.4 Too big", "failed", False), ("451 Later", "failed", True)],
)  # fmt: skip
async def test_an_answer_before_the_mail_has_left_ends_it_and_no_yes_is_believed(
    tmp_path: Path, security: str, answer: str, state: str, is_transient: bool
) -> None:
    ours = certificate(tmp_path)
    tls = ours.context if security == "tls" else None
    async with smtp_server(tls, is_implicit=tls is not None) as server:
        server.when("body", say(answer))
        transport = secured(server, ours.ca_file, security=security)
        delivery = await transport.send("ada@example.org", TO, LONG, nothing)
        await transport.problem()  # By now the server has seen the end of the connection before.
    assert (delivery.state, delivery.stage) == (state, "data")
    assert delivery.is_transient == is_transient
    assert server.mails == []


async def test_a_connection_lost_before_the_end_of_the_mail_is_a_certain_failure() -> None:
    async with smtp_server() as server:
        server.when("body", drop())
        delivery = await sent(server, data=LONG)
    assert (delivery.state, delivery.stage, delivery.is_transient) == ("failed", "data", True)
    assert "nothing was sent" in delivery.reason


async def test_a_server_that_takes_no_more_of_a_mail_is_not_waited_for_for_ever() -> None:
    async def deaf(session: Session) -> None:
        cast("asyncio.Transport", session.writer.transport).pause_reading()
        await asyncio.Event().wait()

    async with smtp_server() as server:
        server.extensions = []
        server.when("body", deaf)
        delivery = await sent(server, data=LONG * 3, timeout_s=0.2)
    assert (delivery.state, delivery.is_transient) == ("failed", True)
    assert "in time" in delivery.reason


async def test_a_long_mail_arrives_as_it_is_over_tls_too(tmp_path: Path) -> None:
    ours = certificate(tmp_path)
    async with smtp_server(ours.context, is_implicit=True) as server:
        transport = secured(server, ours.ca_file)
        delivery = await transport.send("ada@example.org", TO, LONG + b"\r\n.\r\n", nothing)
    assert delivery.state == "sent"
    assert [mail.data for mail in server.mails] == [LONG + b"\r\n.\r\n"]


@pytest.mark.parametrize("content", [None, b"no certificate"])
async def test_a_ca_file_that_cannot_be_read_is_named_as_what_is_wrong(
    tmp_path: Path, content: bytes | None
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_bytes(content)
    async with smtp_server() as server:
        delivery = await secured(server, ca_file).send("a@example.org", TO, MAIL, nothing)
    assert (delivery.state, delivery.stage, delivery.is_transient) == ("failed", "tls", False)
    assert "ca_file cannot be read" in delivery.reason
    assert str(tmp_path) not in delivery.reason


async def test_a_password_that_is_gone_is_a_failed_sign_in(tmp_path: Path) -> None:
    async with smtp_server() as server:
        server.mechanisms = "PLAIN"
        gone = {"file": tmp_path / "gone"}
        transport = secured(server, None, security="plain", user="ada", password=gone)
        delivery = await transport.send("a@example.org", TO, MAIL, _must_not_run)
    assert (delivery.state, delivery.stage) == ("failed", "login")
    assert str(tmp_path) not in delivery.reason


async def test_what_stops_before_data_stops_the_mail() -> None:
    async def stop() -> None:
        raise LookupError

    async with smtp_server() as server:
        with pytest.raises(LookupError):
            await sent(server, before_data=stop)
    assert (server.mails, "DATA" in server.commands) == ([], False)


async def test_a_mail_larger_than_the_server_takes_is_not_begun() -> None:
    async with smtp_server() as server:
        server.extensions = ["SIZE 20"]
        delivery = await sent(server)
    assert (delivery.state, delivery.stage) == ("failed", "mail")
    assert "takes 20" in delivery.reason
    assert not any(one.startswith("MAIL") for one in server.commands)


async def test_an_unreachable_server_is_named() -> None:
    server = FaultServer(port=free_port())
    delivery = await sent(server)
    assert (delivery.state, delivery.stage, delivery.is_transient) == ("failed", "connect", True)
    assert f"127.0.0.1, port {server.port} cannot be reached" in delivery.reason


async def _must_not_run() -> None:
    raise NotImplementedError


def secured(server: FaultServer, ca_file: Path | None, **more: object) -> SmtpTransport:
    return SmtpTransport(
        Server.model_validate(
            {"host": "127.0.0.1", "port": server.port, "timeout_s": 5, "ca_file": ca_file, **more}
        )
    )


async def test_a_trusted_certificate_secures_both_kinds_of_connection(tmp_path: Path) -> None:
    ours = certificate(tmp_path)
    for security in ("tls", "starttls"):
        async with smtp_server(ours.context, is_implicit=security == "tls") as server:
            transport = secured(server, ours.ca_file, security=security)
            assert (await transport.send("a@example.org", TO, MAIL, nothing)).state == "sent"
            assert await transport.problem() is None


async def test_a_certificate_that_nobody_vouches_for_stops_before_anything_is_said(
    tmp_path: Path,
) -> None:
    for security in ("tls", "starttls"):
        async with smtp_server(
            certificate(tmp_path).context, is_implicit=security == "tls"
        ) as server:
            server.mechanisms = "PLAIN"
            transport = secured(
                server, None, security=security, user="ada", password={"env": "HOME"}
            )
            delivery = await transport.send("a@example.org", TO, MAIL, _must_not_run)
            assert (delivery.state, delivery.stage) == ("failed", "tls")
            assert "cannot be trusted" in delivery.reason
            assert (server.mails, server.sign_ins) == ([], [])


async def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    ours = certificate(tmp_path, "127.0.0.2")
    async with smtp_server(ours.context, is_implicit=True) as server:
        delivery = await secured(server, ours.ca_file).send("a@example.org", TO, MAIL, nothing)
    assert (delivery.stage, server.mails) == ("tls", [])


@pytest.mark.parametrize("is_offered", [True, False])
async def test_without_starttls_nothing_is_said_in_the_open(
    tmp_path: Path, is_offered: bool
) -> None:
    ours = certificate(tmp_path)
    async with smtp_server(ours.context if is_offered else None) as server:
        server.mechanisms = "PLAIN"
        server.when("starttls", say("454 4.7.0 Not now"))
        transport = secured(
            server, ours.ca_file, security="starttls", user="ada", password={"env": "HOME"}
        )
        problem = await transport.problem()
    assert problem is not None
    assert server.sign_ins == []
    assert not any(one.startswith("MAIL") for one in server.commands)


async def test_a_server_that_does_not_speak_tls_is_said_to_be_none() -> None:
    async with smtp_server() as server:
        delivery = await secured(server, None, security="tls").send("a@b.org", TO, MAIL, nothing)
    assert delivery.stage == "tls"
    assert "does not speak TLS" in delivery.reason


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MAIL_PASSWORD", "analytical engine")
    return "analytical engine"


@pytest.mark.parametrize("mechanisms", ["PLAIN LOGIN", "LOGIN", "PLAIN"])
async def test_the_password_signs_in(password: str, mechanisms: str) -> None:
    async with smtp_server() as server:
        server.mechanisms = mechanisms
        transport = secured(
            server, None, security="plain", user="ada", password={"env": "MAIL_PASSWORD"}
        )
        assert await transport.problem() is None
    [signed_in] = server.sign_ins
    assert password in signed_in


async def test_a_wrong_password_is_named_and_never_repeated(password: str) -> None:
    async with smtp_server() as server:
        server.mechanisms = "PLAIN"
        server.when("auth", say(f"535 5.7.8 Not {password}, AGFkYQBhbmFseXRpY2FsIGVuZ2luZQ=="))
        transport = secured(
            server, None, security="plain", user="ada", password={"env": "MAIL_PASSWORD"}
        )
        delivery = await transport.send("a@example.org", TO, MAIL, _must_not_run)
    assert (delivery.state, delivery.stage, delivery.smtp_code) == ("failed", "login", 535)
    assert (
        delivery.reason
        == "The mail server refused the user or the password. (535 5.7.8 Not ***, ***)"
    )


async def test_a_server_without_a_sign_in_for_passwords_is_not_given_one(password: str) -> None:
    assert password
    async with smtp_server() as server:
        server.mechanisms = "GSSAPI CRAM-MD5"
        transport = secured(
            server, None, security="plain", user="ada", password={"env": "MAIL_PASSWORD"}
        )
        problem = await transport.problem()
    assert problem is not None
    assert "PLAIN, LOGIN" in problem


def tokens(answers: list[httpx.Response], asked: list[str]) -> AccessTokens:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.content.decode())
        return answers.pop(0)

    oauth = OAuth(
        token_url="https://login.example.com/token",
        client_id="steward",
        refresh_token=Secret(env="MAIL_PASSWORD"),
    )
    return AccessTokens(
        oauth, httpx.AsyncClient(transport=httpx.MockTransport(answer)), lambda: 0.0
    )


async def test_an_access_token_signs_in_and_is_asked_for_once(
    password: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []
    given = tokens([httpx.Response(200, json={"access_token": "T0KEN", "expires_in": 3600})], asked)
    async with smtp_server() as server:
        server.mechanisms = "XOAUTH2"
        transport = secured(
            server, None, security="plain", user="ada", oauth=given.oauth.model_dump()
        )
        transport.tokens = given
        caplog.set_level(0)
        for _ in range(2):
            assert await transport.problem() is None
    assert server.sign_ins == ["XOAUTH2|user=ada\x01auth=Bearer T0KEN\x01\x01"] * 2
    assert len(asked) == 1
    assert "refresh_token=analytical+engine" in asked[0]
    assert "T0KEN" not in caplog.text
    assert password not in caplog.text
    await given.http.aclose()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), "Sign the account in again"),
        (httpx.Response(503), "answered 503"),
        (httpx.Response(200, text="<html>"), "without an access token"),
        (httpx.Response(200, json={"token_type": "Bearer"}), "without an access token"),
    ],
)
async def test_no_access_token_is_a_failed_sign_in_in_words(
    password: str, answer: httpx.Response, says: str
) -> None:
    assert password
    given = tokens([answer], [])
    async with smtp_server() as server:
        server.mechanisms = "XOAUTH2"
        transport = secured(
            server, None, security="plain", user="ada", oauth=given.oauth.model_dump()
        )
        transport.tokens = given
        delivery = await transport.send("a@example.org", TO, MAIL, _must_not_run)
    assert (delivery.state, delivery.stage) == ("failed", "login")
    assert says in delivery.reason
    await given.http.aclose()


async def test_a_sign_in_service_without_a_usable_address_is_a_failed_sign_in(
    password: str,
) -> None:
    assert password
    given = tokens([], [])
    given.oauth = given.oauth.model_copy(update={"token_url": "https://login.example.com:port/"})
    with pytest.raises(SignInRefused, match="cannot be reached"):
        await given.get()
    await given.http.aclose()


async def test_a_refused_access_token_is_not_used_again(password: str) -> None:
    assert password
    answers = [httpx.Response(200, json={"access_token": f"T{n}"}) for n in range(2)]
    given = tokens(answers, [])
    async with smtp_server() as server:
        server.mechanisms = "XOAUTH2"
        server.when("auth", say("535 5.7.8 Expired"))
        transport = secured(
            server, None, security="plain", user="ada", oauth=given.oauth.model_dump()
        )
        transport.tokens = given
        assert "refused" in (await transport.problem() or "")
        assert await transport.problem() is None
    assert [one[-4:-2] for one in server.sign_ins] == ["T0", "T1"]
    await given.http.aclose()


async def test_a_caller_that_goes_away_leaves_no_open_connection() -> None:
    async with smtp_server() as server:
        reached = asyncio.Event()

        async def wait() -> None:
            reached.set()
            await asyncio.Event().wait()

        sending = asyncio.create_task(sent(server, before_data=wait))
        await reached.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert server.mails == []

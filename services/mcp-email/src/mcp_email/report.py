"""The effective policy in plain lines, for the owner's review: whose mail, who is written to, how much, who agrees."""

from collections.abc import Iterator

from mcp_email.config import Account, Limits, Server
from mcp_email.parts import Parts
from mcp_email.settings import Settings


async def report(settings: Settings, parts: Parts) -> list[str]:
    """Of the whole configuration, never with a secret. The parts must have been started."""
    config = parts.accounts.config
    problems = await parts.problems()
    lines: list[str] = []
    for name, account in config.accounts.items():
        lines += [f"Account {name} ({account.kind})"]
        lines += [f"  {one}" for one in _account(account, config.limits_of(name))]
        if account.kind == "server":
            problem = problems.get(f"account {name}")
            lines.append(f"  Connection: {problem or 'works'}")
        lines.append("")
    return [*lines, *_server(settings, parts, problems.get("ledger"))]


def _account(account: Account, limits: Limits) -> Iterator[str]:
    if account.kind == "embedded":
        yield "Kept here, one mailbox for each person; what is sent stays on this machine."
    else:
        yield f"Sends as: {account.address}" + (
            f", answers to {account.reply_to}" if account.reply_to else ""
        )
        yield f"IMAP: {_place(account.imap)}; SMTP: {_place(account.smtp)}"
    yield f"Whose: {_whose(account)}"
    allow = account.policy.allow
    yield "May write to: " + (
        "anybody" if allow is None else ", ".join(allow) if allow else "nobody"
    )
    if account.policy.own_domains:
        yield f"Own domains: {', '.join(account.policy.own_domains)}"
    yield f"Limits: {_limits(limits)}"


def _whose(account: Account) -> str:
    told = [*account.people, *(f"everybody with the role {one}" for one in account.roles)]
    if told:
        return ", ".join(told)
    return "everybody who is signed in" if account.kind == "embedded" else "nobody"


def _place(server: Server | None) -> str:
    if server is None:
        return "none, so nothing can be sent"
    port = f":{server.port}" if server.port else ""
    way = "XOAUTH2" if server.oauth else "a password" if server.password else "no sign-in"
    return f"{server.host}{port} ({server.security}, {way})"


def _limits(limits: Limits) -> str:
    return (
        f"{limits.recipients} recipients, {limits.attachments} attachments of {limits.attachment_bytes:,} bytes, "
        f"{limits.mail_bytes:,} bytes a mail; a person's {limits.sends_a_minute} mails a minute, "
        f"{limits.sends_a_day} a day, {limits.a_day_to_one} a day to one address, "
        f"{limits.new_domains_a_day} new domains a day"
    )


def _server(settings: Settings, parts: Parts, ledger_problem: str | None) -> list[str]:
    asked = "; ".join(
        [
            *(f"by {issuer}, before it calls" for issuer in settings.confirming_issuers),
            "else by a question to the agent's person; where none can be shown a draft is left",
        ]
    )
    has_key = settings.confirmation_key or settings.confirmation_key_file
    return [
        f"Confirmation: {asked}",
        f"Answers sealed with: {'the configured key' if has_key else 'a key of this process'}",
        f"Templates: {', '.join(parts.templates) or 'none'}",
        f"Record of what was sent: {ledger_problem or 'works'} "
        f"({'PostgreSQL' if settings.ledger_url else settings.data_dir / 'ledger.db'})",
        f"Tokens accepted of: {', '.join(settings.issuers) or 'nobody'}",
    ]

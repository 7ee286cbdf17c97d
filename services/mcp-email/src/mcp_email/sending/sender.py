"""Sends a mail once, to whom the person saw, or not at all.

The order is what makes it safe: the ledger's row, the rules, the person's yes, everybody accepted by the mail server,
the ledger's note that the mail is about to leave, the mail, the ledger's note of how it ended. Whatever breaks off
leaves a row from which the next call with the same key can tell whether a new try is safe.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

import structlog

from mcp_email.addresses import domain_as_sent
from mcp_email.attachments import AttachmentStore
from mcp_email.config import Limits
from mcp_email.errors import (
    KeyReused,
    LedgerAway,
    MailboxAway,
    NoSuchMail,
    NotConfirmed,
    SendFailed,
    StillSending,
)
from mcp_email.header_text import header_text
from mcp_email.mail import Address, Delivery, Plan, Wanted, Warnings
from mcp_email.mailbox import Mailbox, Transport
from mcp_email.sending.compose import compose
from mcp_email.sending.ledger import (
    ENDED,
    SAME_MAIL_S,
    UNDER_WAY,
    Entry,
    Identity,
    Ledger,
    SentCopy,
    State,
)
from mcp_email.sending.outcome import SendResult, SendStatus
from mcp_email.sending.plan import Sending, message_id_for, planned
from mcp_email.sending.policy import AllowList, require_allowed, warnings_about
from mcp_email.sending.spool import Spool, Spooled
from mcp_email.sending.verify import verify_composed
from shared.mcp_server import Problem
from shared.service_tokens import Principal

MAX_KEY_OCTETS = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SendingAccount:
    """An account as sending needs it."""

    name: str
    sender: Address
    mailbox: Mailbox
    transport: Transport
    limits: Limits
    reply_to: Address | None = None
    allowed: AllowList | None = None
    """Who may be written to. None: anybody."""
    own_domains: frozenset[str] = frozenset()
    """In A-labels. Empty: the sender's."""
    keep_sent: bool = True

    @property
    def home(self) -> frozenset[str]:
        """The domains that are not external."""
        own = frozenset(domain_as_sent(domain) or domain for domain in self.own_domains)
        return own or frozenset({self.sender.domain})


@dataclass(frozen=True, slots=True)
class Preview:
    """What a person decides on."""

    sending: Sending
    warnings: Warnings


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person's answer, for one mail and one use."""

    is_yes: bool
    token: str
    """Tells this answer apart from every other one; used up by the send."""


Confirm = Callable[[Preview], Awaitable[Confirmation]]
"""Asks the person. May raise NotConfirmed when nobody can be asked."""


@dataclass(slots=True)
class _Job:
    """One call's wish, checked, with the place it has in the ledger."""

    caller: Principal
    account: SendingAccount
    sending: Sending
    identity: Identity
    confirm: Confirm
    task: "asyncio.Task[SendResult] | None" = None
    waiting: int = 0
    send_id: str = ""
    """Empty until the ledger's row is this job's."""
    has_left: bool = False
    """The mail is about to leave, or has: nothing stops it any more."""


@dataclass(slots=True)
class Sender:
    """Sends the mails of all accounts. Belongs to one event loop."""

    ledger: Ledger
    attachments: AttachmentStore
    spool: Spool
    now_s: Callable[[], float]
    """Seconds since 1970."""
    wait_s: float = 60.0
    """For a call with the same key that another process is working on."""
    pause: Callable[[], Awaitable[None]] = field(default=lambda: asyncio.sleep(0.2))
    _jobs: dict[Identity, _Job] = field(default_factory=dict[Identity, "_Job"], init=False)
    _is_closing: bool = field(default=False, init=False)
    _message_key: bytes = field(default=b"", init=False, repr=False)

    async def preview(self, caller: Principal, account: SendingAccount, wanted: Wanted) -> Preview:
        """The mail as it would be sent, and what to look at. Sends and stores nothing.

        Raises:
            BadAddress, BadContent, MailTooLarge, NoSuchMail: the mail cannot be sent like this.
            RecipientRefused: the allowlist.
        """
        sending = planned(wanted, account.sender, account.reply_to, account.limits)
        require_allowed(_recipients(sending), account.allowed)
        await self._contents(caller, sending)
        return Preview(sending, await self._warnings(account, sending))

    async def send(
        self,
        caller: Principal,
        account: SendingAccount,
        wanted: Wanted,
        key: str | None,
        confirm: Confirm,
    ) -> SendResult:
        """Send it, once per person, account and key; without a key, once per content in ten minutes.

        The same call again hears how the first one ended (`replayed`). `unknown` is final: a new try takes a new key,
        and a new yes.

        Raises:
            BadAddress, BadContent, MailTooLarge, NoSuchMail, RecipientRefused, QuotaUsedUp: nothing was sent.
            NotConfirmed: the person said no, or could not be asked. Nothing was sent.
            KeyReused, ProbableDuplicate: nothing was sent by this call.
            StillSending: another process is at it.
            LedgerAway, StorageAway: nothing was sent.
        """
        sending = planned(wanted, account.sender, account.reply_to, account.limits)
        identity = self._identity(caller, account, sending, key)
        known = await asyncio.to_thread(self.ledger.find, identity)
        is_over = known is not None and known.state in ENDED and identity not in self._jobs
        if known is not None and is_over and not identity.is_automatic:
            if known.digest != sending.digest:
                raise _key_reused()
            return SendResult.of(known, is_replayed=True)
        require_allowed(_recipients(sending), account.allowed)
        return await self._joined(_Job(caller, account, sending, identity, confirm))

    def remove_tenant(self, tenant: str) -> None:
        """Forget what the tenant's people have sent. Files that were to be sent go when they expire, as all do.

        Blocks. Raises LedgerAway, StorageAway.
        """
        self.ledger.remove_tenant(tenant)
        for mail in self.spool.all():
            if mail.person.partition("/")[0] == tenant:
                self.spool.remove(mail.message_id)
        self.attachments.remove_expired()

    async def has_ended(
        self, caller: Principal, account: SendingAccount, wanted: Wanted, key: str
    ) -> bool:
        """Whether `send` would repeat how an earlier call with this key ended, so that nobody need be asked.

        Raises:
            BadAddress, BadContent, MailTooLarge, KeyReused, LedgerAway: as `send`.
        """
        sending = planned(wanted, account.sender, account.reply_to, account.limits)
        identity = self._identity(caller, account, sending, key)
        known = await asyncio.to_thread(self.ledger.find, identity)
        if known is not None and known.digest != sending.digest:
            raise _key_reused()
        return known is not None and known.state in ENDED

    async def give_up(
        self, caller: Principal, account: SendingAccount, key: str
    ) -> SendStatus | None:
        """How the send under this key ended. None: nothing was sent, and from now on nothing will be under this key.

        For callers whose answer was lost: their request may still be on its way.
        """
        with suppress(NoSuchMail):
            known = await self.status(caller, account, key=key)
            if known.state != "failed":
                return known
        identity = Identity(caller.tenant, caller.subject, account.name, f"key:{key}")
        nothing = SendResult(
            "failed", "", reason="Its caller gave it up; nothing was sent."
        ).as_json()
        is_given_up = await asyncio.to_thread(self.ledger.give_up, identity, nothing, self.now_s())
        return None if is_given_up else await self.status(caller, account, key=key)

    async def status(
        self,
        caller: Principal,
        account: SendingAccount,
        *,
        key: str | None = None,
        message_id: str | None = None,
    ) -> SendStatus:
        """How a send ended, by its key or Message-ID. An unknown outcome is looked up in the mailbox.

        Raises:
            NoSuchMail: nothing was begun under this key. To send it, use the same key: that cannot send it twice.
        """
        entry = await asyncio.to_thread(self._known, caller, account, key, message_id)
        if entry is None:
            raise NoSuchMail("No mail was sent, or begun, under this key or Message-ID.")
        entry = await self._settled(entry)
        if entry.state in UNDER_WAY:
            return SendStatus("under_way", None, ())
        found_in = await _folders_with(account.mailbox, entry.message_id)
        if entry.state == "unknown" and found_in:
            entry = await self._found_sent(entry)
        return SendStatus.of(entry, found_in)

    async def keep_copies(self, accounts: Callable[[str, str], SendingAccount | None]) -> int:
        """Put the copies that failed, or that a crash prevented, into the sent folders; and how many. Sends nothing.

        `accounts` finds an account by the person's directory name given at sending and its name; None leaves it.
        """
        kept = 0
        for spooled in await asyncio.to_thread(self.spool.all):
            entry = await asyncio.to_thread(self.ledger.find_by_message_id, spooled.message_id)
            if entry is not None:
                entry = await self._settled(entry)
            if entry is None or (entry.state not in UNDER_WAY and not _is_copy_due(entry)):
                await asyncio.to_thread(self.spool.remove, spooled.message_id)
            elif _is_copy_due(entry) and not self._is_at_it(entry):
                account = accounts(spooled.person, entry.account)
                if account is not None:
                    kept += await self._keep_spooled(account, entry, spooled)
        return kept

    async def _keep_spooled(self, account: SendingAccount, entry: Entry, spooled: Spooled) -> bool:
        try:
            raw = await asyncio.to_thread(spooled.read)
        except OSError:
            return False  # Another process was quicker, or the next round is luckier.
        return await self._keep(account, entry, raw) == "kept"

    async def close(self, within_s: float) -> None:
        """Stop what has not left, give what is leaving this long, and let others know that nobody is at it here."""
        self._is_closing = True
        tasks = [job.task for job in self._jobs.values() if job.task is not None]
        for job in self._jobs.values():
            if job.task is not None and not job.has_left:
                job.task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self.ledger.store.close)

    def _identity(
        self, caller: Principal, account: SendingAccount, sending: Sending, key: str | None
    ) -> Identity:
        if key is None:
            window = int(self.now_s() // SAME_MAIL_S)
            automatic = f"auto:{sending.digest}:{window}"
            return Identity(caller.tenant, caller.subject, account.name, automatic, True)
        header_text(key, "idempotency_key", max_octets=MAX_KEY_OCTETS)
        return Identity(caller.tenant, caller.subject, account.name, f"key:{key}")

    def _known(
        self, caller: Principal, account: SendingAccount, key: str | None, message_id: str | None
    ) -> Entry | None:
        if key is not None:
            return self.ledger.find(
                Identity(caller.tenant, caller.subject, account.name, f"key:{key}")
            )
        return self.ledger.find_message(
            caller.tenant, caller.subject, account.name, (message_id or "").strip("<> ")
        )

    def _is_at_it(self, entry: Entry, asking: _Job | None = None) -> bool:
        """Whether a job of this process, other than the one that asks, has the entry or is about to take it."""
        return any(
            job is not asking
            and (
                job.send_id == entry.send_id or (not job.send_id and job.identity.key == entry.key)
            )
            for job in self._jobs.values()
        )

    async def _settled(self, entry: Entry, asking: _Job | None = None) -> Entry:
        """How it ended, where that is known or its process is gone; else as it is."""
        if entry.state not in UNDER_WAY:
            return entry
        is_ours = self._is_at_it(entry, asking)
        return await asyncio.to_thread(self._settle_if_dead, entry, is_ours=is_ours)

    def _settle_if_dead(self, entry: Entry, *, is_ours: bool) -> Entry:
        """Say how a send ended whose process is gone: certain before data_started, unknown after."""
        store = self.ledger.store
        is_alive = is_ours if entry.worker == store.worker() else store.is_alive(entry.worker)
        if is_alive:
            return entry
        state: State = "unknown" if entry.state == "data_started" else "failed_clean"
        reason = (
            "The process that sent it ended before the answer was noted: it may have gone out."
            if state == "unknown"
            else "The process that was to send it ended before the mail was handed over; nothing was sent."
        )
        delivery = Delivery(
            "unknown" if state == "unknown" else "failed",
            stage="data" if state == "unknown" else "connect",
            reason=reason,
            is_transient=state == "failed_clean",
        )
        result = SendResult.made(entry, delivery, self.ledger.recipients(entry.send_id))
        if not self.ledger.settle(entry, state, result.as_json(), self.now_s()):
            return entry
        log.warning("send_settled", message_id=entry.message_id, state=state)
        return replace(entry, state=state, result=result.as_json())

    async def _joined(self, job: _Job) -> SendResult:
        """Do the job, or wait for the same one. A caller that goes away stops it only while nothing has left."""
        if self._is_closing:
            raise StillSending(
                "The mail server tool is stopping, so this call sent nothing.",
                hint="Call again with the same key.",
            )
        running = self._jobs.get(job.identity)
        is_mine = running is None
        if running is None:
            running = self._jobs[job.identity] = job
            job.task = asyncio.create_task(self._done_and_forgotten(job))
        elif running.sending.digest != job.sending.digest:
            raise _key_reused()
        task = cast("asyncio.Task[SendResult]", running.task)
        running.waiting += 1
        try:
            result = await asyncio.shield(task)
        except asyncio.CancelledError:
            if _is_cancelled():
                if running.waiting == 1 and not running.has_left:
                    task.cancel()
                raise
            if running.has_left:
                return await self._cut_short(job)
            return await self._joined(job)  # The call we waited with went away; this one has not.
        finally:
            running.waiting -= 1
        return result if is_mine else replace(result, replayed=True)

    async def _cut_short(self, job: _Job) -> SendResult:
        """What is known of a mail that was leaving, or had left, when this program had to stop. Raises StillSending."""
        with suppress(LedgerAway):
            entry = await asyncio.to_thread(self.ledger.find, job.identity)
            if entry is not None and entry.state in ENDED:
                return SendResult.of(entry, is_replayed=False)
        raise StillSending(
            "The mail was leaving when the mail server tool had to stop, so it may have gone out.",
            hint="Ask get_send_status before anything is sent again.",
        )

    async def _done_and_forgotten(self, job: _Job) -> SendResult:
        try:
            return await self._do(job)
        finally:
            del self._jobs[job.identity]

    async def _do(self, job: _Job) -> SendResult:
        entry = await self._claimed(job)
        if entry.state in ENDED:
            return SendResult.of(entry, is_replayed=True)
        job.send_id = entry.send_id
        try:
            plan, raw = await self._written(job, entry)
            await self._confirmed(job, entry)
            delivery = await self._handed_over(job, entry, plan, raw)
        except BaseException as error:
            await asyncio.shield(asyncio.to_thread(self._note_failure, job, entry, error))
            raise
        return await self._ended(job, entry, delivery, raw)

    async def _claimed(self, job: _Job) -> Entry:
        """The row, reserved for this job; or as it ended, when another process has sent it. Raises StillSending."""
        try:
            async with asyncio.timeout(self.wait_s):
                while True:
                    entry, is_ours = await asyncio.to_thread(self._reserve, job)
                    if not is_ours:
                        entry = await self._settled(entry, job)
                    if is_ours or entry.state in ENDED:
                        return entry
                    if entry.state in UNDER_WAY:
                        await self.pause()
        except TimeoutError:
            raise StillSending(
                "The mail with this key is being sent by another call right now.",
                hint="Call again with the same key, or ask get_send_status.",
                retry_after_s=self.wait_s,
            ) from None

    def _reserve(self, job: _Job) -> tuple[Entry, bool]:
        identity, sending = job.identity, job.sending
        if not self._message_key:
            self._message_key = self.ledger.message_key()
        return self.ledger.reserve(
            identity,
            digest=sending.digest,
            message_id=message_id_for(
                self._message_key, sending.sender,
                identity.tenant, identity.person, identity.account, identity.key,
            ),
            recipients=_recipients(sending),
            own_domains=job.account.home,
            limits=job.account.limits,
            now_s=self.now_s(),
        )  # fmt: skip

    async def _written(self, job: _Job, entry: Entry) -> tuple[Plan, bytes]:
        """The bytes of the mail, read again and found to be what was planned."""
        contents = await self._contents(job.caller, job.sending)
        plan = job.sending.plan(entry.message_id, datetime.fromtimestamp(self.now_s(), UTC))
        raw = await asyncio.to_thread(compose, plan, contents)
        await asyncio.to_thread(verify_composed, raw, plan)
        return plan, raw

    async def _contents(self, caller: Principal, sending: Sending) -> Mapping[str, bytes]:
        """The attachments, as they were when they were added. Raises NoSuchMail."""
        return {
            one.handle: await asyncio.to_thread(self.attachments.read, caller, one.handle)
            for one in sending.wanted.attachments
        }

    async def _warnings(self, account: SendingAccount, sending: Sending) -> Warnings:
        specs = [one.spec for one in _recipients(sending)]
        written_to: frozenset[str] = frozenset()
        with suppress(MailboxAway):  # Then everybody is new: a warning too many, not one too few.
            written_to = await account.mailbox.written_to(specs)
        return warnings_about(
            sending.wanted,
            own_domains=account.home,
            known_domains=account.allowed.known_domains if account.allowed else (),
            written_to=frozenset(one.lower() for one in written_to),
        )

    async def _confirmed(self, job: _Job, entry: Entry) -> None:
        preview = Preview(job.sending, await self._warnings(job.account, job.sending))
        answer = await job.confirm(preview)
        if not answer.is_yes:
            raise NotConfirmed("The person said no, so nothing was sent.")
        await asyncio.to_thread(self.ledger.confirm, entry, answer.token)

    async def _handed_over(self, job: _Job, entry: Entry, plan: Plan, raw: bytes) -> Delivery:
        hindrances: list[BaseException] = []

        async def before_data() -> None:
            job.has_left = True  # From here on no caller stops it; the ledger still may.
            try:
                if job.account.keep_sent:
                    await asyncio.to_thread(self.spool.put, job.caller, plan.message_id, raw)
                await asyncio.to_thread(self.ledger.start_data, entry, self.now_s())
            except BaseException as error:
                job.has_left = False
                hindrances.append(error)
                raise

        delivery = await job.account.transport.send(
            plan.sender.spec, plan.recipients, raw, before_data
        )
        if hindrances:
            raise hindrances[0]
        return delivery

    def _note_failure(self, job: _Job, entry: Entry, error: BaseException) -> None:
        """Broken off: for certain before anything left, or not. What cannot be noted, a repeat will settle."""
        if job.has_left:
            delivery = Delivery("unknown", stage="data", reason="It was broken off: it may be out.")
        else:
            # Errors of other kinds may name what callers are not to know.
            known = str(error) if isinstance(error, Problem) else None
            reason = known or "It was broken off before the mail was handed over."
            delivery = Delivery("failed", stage="connect", reason=reason, is_transient=True)
        result = SendResult.made(entry, delivery, [one.spec for one in _recipients(job.sending)])
        state: State = "unknown" if job.has_left else "failed_clean"
        with suppress(LedgerAway):
            self.ledger.end(entry, state, result.as_json(), self.now_s())
        self.spool.remove(entry.message_id)

    async def _ended(self, job: _Job, entry: Entry, delivery: Delivery, raw: bytes) -> SendResult:
        result = SendResult.made(entry, delivery, [one.spec for one in _recipients(job.sending)])
        state: State = "failed_clean" if delivery.state == "failed" else delivery.state
        try:
            await asyncio.to_thread(self.ledger.end, entry, state, result.as_json(), self.now_s())
        except LedgerAway:
            # It was sent, so that is the answer. A repeat will hear that the outcome is unknown.
            log.exception("send_not_noted", message_id=entry.message_id, state=state)
            return result
        log.info("send_ended", message_id=entry.message_id, state=state, stage=delivery.stage)
        if state in {"sent", "partial"} and job.account.keep_sent:
            return replace(result, sent_copy=await self._keep(job.account, entry, raw))
        await asyncio.to_thread(self.spool.remove, entry.message_id)
        return result

    async def _keep(self, account: SendingAccount, entry: Entry, raw: bytes) -> SentCopy:
        """An effect of its own: when it fails the mail was sent all the same, and the copy is tried again later."""
        sent_copy: SentCopy = "kept"
        try:
            await account.mailbox.keep_sent(raw)
        except (MailboxAway, NoSuchMail) as error:
            log.warning("sent_copy_failed", message_id=entry.message_id, error=type(error).__name__)
            sent_copy = "failed"
        with suppress(LedgerAway):
            await asyncio.to_thread(self.ledger.note_copy, entry, sent_copy)
        if sent_copy == "kept":
            await asyncio.to_thread(self.spool.remove, entry.message_id)
        return sent_copy

    async def _found_sent(self, entry: Entry) -> Entry:
        recipients = await asyncio.to_thread(self.ledger.recipients, entry.send_id)
        delivery = Delivery(
            "sent",
            accepted=tuple(recipients),
            reason="It was found in the mailbox, so it went out.",
        )
        result = SendResult.made(entry, delivery, recipients)
        await asyncio.to_thread(self.ledger.found_sent, entry, result.as_json())
        return replace(entry, state="sent", result=result.as_json())


def failure(result: SendResult) -> SendFailed:
    """A failed result as the problem that the model hears."""
    hint = (
        "Nobody got it. A later try with the same key may work."
        if result.is_transient
        else "Nobody got it. Change what is wrong, then send with the same or a new key."
    )
    return SendFailed(
        result.reason,
        hint=hint,
        stage=result.stage,
        smtp_code=result.smtp_code,
        rejected=[{"address": one.address, "code": one.code} for one in result.rejected],
    )


def _key_reused() -> KeyReused:
    return KeyReused("This idempotency key belongs to another mail.", hint="Use a new one.")


def _is_cancelled() -> bool:
    """Whether this very call is to stop, not only the one it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _recipients(sending: Sending) -> tuple[Address, ...]:
    wanted = sending.wanted
    return (*wanted.to, *wanted.cc, *wanted.bcc)


def _is_copy_due(entry: Entry) -> bool:
    return entry.state in {"sent", "partial"} and entry.sent_copy != "kept"


async def _folders_with(mailbox: Mailbox, message_id: str) -> tuple[str, ...]:
    """Where the mail is, drafts left out. Nowhere, when the mailbox is away."""
    with suppress(MailboxAway):
        drafts = {folder.name for folder in await mailbox.folders() if folder.role == "drafts"}
        found = {mail.folder for mail in await mailbox.find(message_id)}
        return tuple(sorted(found - drafts))
    return ()

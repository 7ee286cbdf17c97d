"""Everything the model may hear from this server when something does not work. No text repeats a secret."""

from shared.mcp_server import Problem, Refused


class BadAddress(Refused):
    """An address that is none, or not one that may be written to in this form. `details`: `field`, `address`."""

    code = "invalid_address"


class BadContent(Refused):
    """A subject, name, body or attachment that may not go into a mail. `details`: `field`."""

    code = "invalid_content"


class RecipientRefused(Refused):
    """The allowlist does not hold a recipient. `details`: `addresses`."""

    code = "recipient_not_allowed"


class QuotaUsedUp(Refused):
    """Too many mails in a minute or day, or too many domains not written to before."""

    code = "rate_limited"
    retryable = True


class NotConfirmed(Refused):
    """The person said no."""

    code = "confirmation_declined"


class NobodyToAsk(NotConfirmed):
    """The person could not be asked, so a draft was left. `details`: `draft_id`."""

    code = "confirmation_required"


class TooManyCalls(Refused):
    """Too many calls of one person in a minute."""

    code = "rate_limited"
    retryable = True


class KeyReused(Refused):
    """The idempotency key belongs to another mail."""

    code = "idempotency_key_reused"


class ProbableDuplicate(Refused):
    """The same mail was sent a moment ago. A new key and a new yes send it again. `details`: `message_id`."""

    code = "probable_duplicate"


class SendFailed(Problem):
    """Nothing was sent, for certain. `details`: `stage`, `smtp_code`, `rejected`."""

    code = "send_failed"


class NoSuchAccount(Problem):
    """An account that is not there, or not this person's: both read the same."""

    code = "unknown_account"


class NoSuchMail(Problem):
    """A mail, folder, attachment or draft that is not there, or not this person's."""

    code = "not_found"


class MailboxAway(Problem):
    """The mail server cannot be reached, or refuses the sign-in; the text says which and what to do."""

    code = "upstream_unavailable"
    retryable = True


class MailTooLarge(Problem):
    """A mail or attachment beyond the limits. `details`: `limit`, `size`."""

    code = "limit_exceeded"


class StillSending(Problem):
    """Another call is sending the mail with this key right now. The same call again hears how it ended."""

    code = "conflict"
    retryable = True


class StorageAway(Problem):
    """The data folder cannot be written, so nothing was sent or kept."""

    code = "upstream_unavailable"
    retryable = True


class LedgerAway(Problem):
    """The record of what was sent cannot be read or written, so nothing is sent."""

    code = "upstream_unavailable"
    retryable = True

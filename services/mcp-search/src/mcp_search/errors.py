"""Everything the model may hear from this server when something does not work. No text repeats a secret."""

from shared.mcp_server import Problem, Refused


class NoProvider(Problem):
    """No provider of web search is configured. That is a state, not an empty answer."""

    code = "no_provider"


class ProvidersFailed(Problem):
    """No provider answered. `details`: `providers`, each with name, status and milliseconds."""

    code = "upstream_unavailable"
    retryable = True


class AddressRefused(Refused):
    """An address that may not be fetched: not on the public web, or not in a form this server follows."""

    code = "address_refused"


class FetchRefused(Refused):
    """The site's robots.txt forbids it, or the operator's list of domains does. `details`: `rule`."""

    code = "policy_rejected"


class FetchFailed(Problem):
    """The page could not be had: the server does not answer, says no, redirects too often. `details`: `status`."""

    code = "upstream_unavailable"
    retryable = True


class PageRefused(FetchFailed):
    """The site answers, and asking again would not change the answer. `details`: `status`."""

    retryable = False


class TooMuch(Refused):
    """A page, document or query that is larger than the limits say. `details`: `limit`, `value`."""

    code = "limit_exceeded"


class UnsupportedType(Refused):
    """A page or file of a kind whose text cannot be read. `details`: `media_type`."""

    code = "unsupported_type"


class SecretInQuery(Refused):
    """What would leave for the web looks like a key, a token or a password."""

    code = "policy_rejected"


class RateLimited(Refused):
    """Too many calls of one person."""

    code = "rate_limited"
    retryable = True


class NotThere(Problem):
    """A collection, document, passage, job or gap that is not there, or not for this person to see."""

    code = "not_found"


class NotYours(Refused):
    """The person may read it and not change it."""


class NameTaken(Problem):
    """Another thing has that name. `details`: `id`."""

    code = "conflict"


class UnreadableDocument(Problem):
    """A file whose text cannot be had; the message says why in a person's words. `details`: `reason`."""

    code = "unreadable_document"


class KnowledgeAway(Problem):
    """The store of the knowledge base, or the embedder, cannot be used."""

    code = "upstream_unavailable"
    retryable = True


class Outpaced(Problem):
    """Another version of the document was added between looking at it and adding one."""

    code = "conflict"
    retryable = True


class VectorsMissing(Problem):
    """A version cannot be published yet: its collection's model has not embedded all of it."""

    code = "conflict"
    retryable = True


class BadContent(Refused):
    """An argument whose form is right and whose content is not. `details`: `field`."""

    code = "invalid_content"


class NotConfirmed(Refused):
    """The person was asked, and did not say yes."""

    code = "confirmation_declined"


class NobodyToAsk(Refused):
    """A person has to say yes, and the client cannot ask them."""

    code = "confirmation_required"

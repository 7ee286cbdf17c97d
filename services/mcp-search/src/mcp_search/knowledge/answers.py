"""Questions that nobody could answer, and the answers that editors write to them."""

import contextlib
import hashlib
from dataclasses import dataclass

from mcp_search.errors import NameTaken, NotThere
from mcp_search.knowledge.access import reader_of
from mcp_search.knowledge.library import ANSWERS, MAX_NAME, Library, Upload
from mcp_search.knowledge.model import EVERYBODY, Collection, Document, Gap
from shared.mcp_server import InvalidArguments
from shared.service_tokens import Principal
from shared.untrusted.characters import clean, clean_line

MAX_QUESTION = 400
MAX_ANSWER = 20_000
LISTED = 500


@dataclass(frozen=True, slots=True)
class Answers:
    """What editors do about gaps. The answers are documents of a collection of their own, read by everybody."""

    library: Library

    async def gaps(self, principal: Principal, state: str = "open", limit: int = 100) -> list[Gap]:
        """Those asked most often first. For editors: what others ask is theirs. Raises NotYours."""
        self._require_editor(principal)
        return await self.library.store.gaps(principal.tenant, state, min(limit, LISTED))

    async def dismiss(self, principal: Principal, gap_id: str) -> None:
        """It needs no answer. Raises NotYours, NotThere."""
        self._require_editor(principal)
        await self.library.store.settle_gap(principal.tenant, gap_id, "dismissed", "")

    async def write(
        self, principal: Principal, question: str, answer: str, gap_id: str = ""
    ) -> Document:
        """Answer a question, found like any document once it is ready; `gap_id` is then answered.

        What answered it before is found until the new answer is, and replaced by it.

        Raises NotYours, NotThere, InvalidArguments, RateLimited.
        """
        self._require_editor(principal)
        upload = _upload(question, answer)
        gap = await self._gap(principal, gap_id) if gap_id else None
        collection = await self._collection(principal)
        old = await self._earlier(principal, gap) if gap else None
        added = await self.library.add_to(principal, collection, upload, old, curated=True)
        if gap:
            await self.library.store.settle_gap(
                principal.tenant, gap.id, "answered", added.document.id
            )
        return added.document

    async def edit(
        self, principal: Principal, document_id: str, question: str, answer: str
    ) -> Document:
        """The old answer is found until the new one is. Raises NotYours, NotThere, InvalidArguments, RateLimited."""
        self._require_editor(principal)
        upload = _upload(question, answer)
        old = await self._answer(principal, document_id)
        collection = await self.library.collection(principal, old.collection_id)
        added = await self.library.add_to(principal, collection, upload, old, curated=True)
        return added.document

    async def _earlier(self, principal: Principal, gap: Gap) -> Document | None:
        """None: there was none, or it is gone."""
        with contextlib.suppress(NotThere):
            return await self._answer(principal, gap.answer_id) if gap.answer_id else None
        return None

    async def _answer(self, principal: Principal, document_id: str) -> Document:
        document = await self.library.document(principal, document_id)
        if not document.curated:
            raise NotThere("There is no such answer.")
        return document

    async def _gap(self, principal: Principal, gap_id: str) -> Gap:
        for gap in await self.library.store.gaps(principal.tenant, "", LISTED):
            if gap.id == gap_id:
                return gap
        raise NotThere("There is no such question.")

    async def _collection(self, principal: Principal) -> Collection:
        """The tenant's answers, made when the first is written."""
        reader = reader_of(principal)
        identity = hashlib.sha256(f"answers\n{reader.tenant}".encode()).hexdigest()[:32]
        answers = Collection(
            id=identity,
            tenant=reader.tenant,
            name=ANSWERS,
            description="Written by editors to questions that the documents do not answer.",
            model=self.library.model,
            access=frozenset({EVERYBODY}),
            editors=frozenset(f"role:{role}" for role in self.library.config.editor_roles),
        )
        for each in await self.library.store.collections(reader):
            if each.id == identity:
                return each
        try:
            await self.library.store.add_collection(answers)
        except NameTaken:
            return await self.library.collection(principal, identity)  # made a moment ago
        return answers

    def _require_editor(self, principal: Principal) -> None:
        self.library.require_editor(principal, "Only editors look after open questions.")


def _upload(question: str, answer: str) -> Upload:
    asked = clean_line(question, MAX_QUESTION)
    said = clean(answer).strip()
    if not asked or not said:
        raise InvalidArguments("An answer needs a question and a text.")
    if len(said) > MAX_ANSWER:
        raise InvalidArguments(
            f"An answer has at most {MAX_ANSWER} characters.",
            hint="Upload a longer one as a document.",
        )
    return Upload(
        name=f"{asked[: MAX_NAME - 3]}.md",
        content=f"# {asked}\n\n{said}\n".encode(),
        title=asked,
    )

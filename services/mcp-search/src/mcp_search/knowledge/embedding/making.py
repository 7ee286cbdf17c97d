"""Which embedder the configuration asks for."""

from mcp_search.config import Embeddings
from mcp_search.knowledge.embedding.builtin import BuiltinEmbedder
from mcp_search.knowledge.embedding.endpoint import EndpointEmbedder
from mcp_search.knowledge.embedding.none import NoEmbedder
from mcp_search.knowledge.model import EmbeddingModel
from mcp_search.knowledge.ports import Embedder


def make_embedder(wanted: Embeddings) -> Embedder:
    """Nothing is loaded or asked yet. Raises BadSetup when the key is not where it is said to be."""
    match wanted.kind:
        case "builtin":
            return BuiltinEmbedder()
        case "none":
            return NoEmbedder()
        case "openai":
            assert wanted.url  # noqa: S101 - the configuration is checked
            assert wanted.dimension  # noqa: S101
            return EndpointEmbedder(
                url=str(wanted.url),
                model=EmbeddingModel(wanted.model, wanted.dimension),
                max_tokens=wanted.max_tokens,
                key=wanted.key.read("The key for embeddings") if wanted.key else None,
                batch=wanted.batch,
            )

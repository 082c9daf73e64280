"""What an agent's search goes by: a retriever or an index of LlamaIndex, an archive, a function."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.indices.base import BaseIndex
from llama_index.core.schema import NodeWithScore
from llama_index.retrievers.qwen_audio.base import ArchiveRetriever

from qwen_audio_tools.agents.searching import Found, Searcher
from qwen_audio_tools.errors import SettingsError


@dataclass(frozen=True, slots=True)
class _Searching:
    """A function of a query and a number, as a Searcher."""

    find: Callable[[str, int], Iterable[Found | NodeWithScore]]

    def search(self, query: str, k: int) -> list[Found]:
        """Return at most `k` findings."""
        return [
            each if isinstance(each, Found) else found_in(each) for each in self.find(query, k)
        ][:k]


def as_searcher(given: Any) -> Searcher:
    """Return what finds passages by it; a retriever keeps its filters.

    Raises:
        SettingsError: nothing can be found by it.
    """
    if isinstance(given, ArchiveRetriever):  # of these the number is known
        return _Searching(given.found)
    if isinstance(given, BaseRetriever):
        return _Searching(lambda query, k: given.retrieve(query))
    if isinstance(given, BaseIndex):
        return _Searching(lambda query, k: given.as_retriever(similarity_top_k=k).retrieve(query))
    if isinstance(given, Searcher):
        return _Searching(given.search)
    if callable(given):
        return _Searching(given)
    raise SettingsError(
        f"nothing can be searched by {type(given).__name__!r}",
        hint="give an object with search(query, k), a retriever, or an index",
    )


def found_in(each: NodeWithScore) -> Found:
    """Return a node as a finding: where it is from stands in its metadata."""
    known = each.node.metadata
    where = known.get("audio_uri") or known.get("file_path") or known.get("source")
    title = known.get("episode") or known.get("title")
    speaker = known.get("speaker")
    return Found(
        text=each.node.get_content(),
        source=str(where or "a recording"),
        start=_number(known.get("start")),
        end=_number(known.get("end")),
        speaker=str(speaker) if speaker else None,
        score=each.score,
        title=" · ".join(str(name) for name in (known.get("show"), title) if name),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None

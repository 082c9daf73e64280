"""ArchiveRetriever: passages of a podcast archive as Documents with times, and links that play."""

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field, field_validator

from langchain_qwen_audio.engine_choice import check_names
from qwen_audio_tools.archive.hit_metadata import id_of, metadata_of, text_of
from qwen_audio_tools.archive.index.filters import Filters
from qwen_audio_tools.archive.index.rows import Hit
from qwen_audio_tools.archive.opened_search import ArchiveSearch, opened_search
from qwen_audio_tools.archive.searching import By, Query
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.engines.reranking import Rerank
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.stopping import Stop, in_thread

_FILTERS = ("show", "episode", "speaker", "language", "sound", "since", "until")
_ASKED = (*_FILTERS, "k", "by", "merge", "rerank")


class ArchiveRetriever(BaseRetriever):
    """Finds passages in an archive; its arguments hold for every call unless that names others.

    `archive` is its folder, or what `opened_search` gives, with an embedder of one's own; without
    it, it is the user's. `k` is how many Documents come at most. Filters compare whole names,
    without case; `since` and `until` are dates such as "2026-11". `by` is "words", "meaning" or
    "both"; `merge` tells neighbours as one. `rerank` is a cross-encoder of LangChain, or a function
    of a query and texts that gives scores.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    archive: Any = Field(default=None, exclude=True, repr=False, validate_default=True)
    k: int = 4
    show: str = ""
    episode: str = ""
    speaker: str = ""
    language: str = ""
    sound: str = ""
    since: str = ""
    until: str = ""
    by: By = By.BOTH
    merge: bool = True
    rerank: Any = Field(default=None, exclude=True, repr=False)

    @field_validator("archive")
    @classmethod
    def _opened(cls, given: Any) -> ArchiveSearch:
        return as_search(given)

    @field_validator("rerank")
    @classmethod
    def _scoring(cls, given: Any) -> Rerank | None:
        return as_rerank(given)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **asked: Any
    ) -> list[Document]:
        return self._found(query, asked, Stop())

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **asked: Any
    ) -> list[Document]:
        return await in_thread(lambda stop: self._found(query, asked, stop))

    def _found(self, query: str, asked: dict[str, Any], stop: Stop) -> list[Document]:
        check_names(asked, set(_ASKED), "a search of an archive")
        wanted = {name: getattr(self, name) for name in _ASKED} | asked
        filters = Filters(**{name: wanted[name] or "" for name in _FILTERS})
        hits = self.archive.find(
            Query(
                text=query,
                filters=filters,
                count=wanted["k"],
                by=_way(wanted["by"]),
                merge=wanted["merge"],
                rerank=as_rerank(wanted["rerank"]),
            ),
            stop.options(Options()).progress,
        )
        return [document_of(hit) for hit in hits]


def document_of(hit: Hit) -> Document:
    """Return a passage as a Document with flat metadata."""
    return Document(id=id_of(hit), page_content=text_of(hit), metadata=metadata_of(hit))


def as_search(given: Any) -> ArchiveSearch:
    """Return the archive in a folder, opened to be searched, or the one that is so already.

    Raises:
        ArchiveError: there is none.
    """
    return given if isinstance(given, ArchiveSearch) else opened_search(given)


def as_rerank(given: Any) -> Rerank | None:
    """Return what scores texts for a query, for a cross-encoder of LangChain too.

    Raises:
        SettingsError: it scores nothing.
    """
    if isinstance(given, BaseCrossEncoder):

        def scores(query: str, texts: Sequence[str]) -> Sequence[float]:
            found = given.score([(query, text) for text in texts])
            return [float(score) for score in found]

        return scores
    if given is None or callable(given):
        reranking: Rerank | None = given
        return reranking
    raise SettingsError(
        f"{type(given).__name__!r} scores no texts",
        hint="give a cross-encoder, or a function of a query and texts",
    )


def _way(name: str) -> By:
    if name not in set(By):
        raise SettingsError(f"by cannot be {name!r}: it is {', '.join(By)}")
    return By(name)

"""ArchiveRetriever: passages of a podcast archive, as nodes that know where they can be heard."""

from dataclasses import replace
from pathlib import Path

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks.base import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.retrievers.qwen_audio.passages import node_of

from qwen_audio_tools.archive.index.filters import Filters
from qwen_audio_tools.archive.opened_search import ArchiveSearch, opened_search
from qwen_audio_tools.archive.searching import By, Query
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.engines.reranking import Rerank
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.stopping import Stop, in_thread


class ArchiveRetriever(BaseRetriever):
    """Finds passages in an archive; AudioCitationQueryEngine listens to them again.

    Args:
        archive: its folder, or what `opened_search` gives, with an embedder of one's own; without
            it, it is the user's.
        similarity_top_k: how many nodes come at most.
        show, episode, speaker, language, sound: names that a passage must have, without case.
        since, until: dates such as "2026-11", both included.
        by: "words", "meaning" or "both".
        merge: whether neighbours are told as one, even where that is longer than a clip may be.
            AttachAudioPostprocessor joins neighbours, too, but only as far as it attaches them.
        rerank: a function of a query and texts that gives scores; rerankers of LlamaIndex are
            postprocessors of a query engine.

    Raises:
        ArchiveError: there is no archive.
        SettingsError: an argument makes no sense.
    """

    def __init__(
        self,
        archive: ArchiveSearch | str | Path | None = None,
        *,
        similarity_top_k: int = 4,
        show: str = "",
        episode: str = "",
        speaker: str = "",
        language: str = "",
        sound: str = "",
        since: str = "",
        until: str = "",
        by: By | str = By.BOTH,
        merge: bool = False,
        rerank: Rerank | None = None,
        callback_manager: CallbackManager | None = None,
        verbose: bool = False,
    ) -> None:
        self.archive = as_search(archive)
        self.similarity_top_k = similarity_top_k
        filters = Filters(
            show=show,
            episode=episode,
            speaker=speaker,
            language=language,
            sound=sound,
            since=since,
            until=until,
        )
        self._asked = Query(
            text="", filters=filters, by=_way(by), merge=merge, rerank=_scoring(rerank)
        )
        super().__init__(callback_manager=callback_manager, verbose=verbose)

    def found(self, query: str, count: int, stop: Stop | None = None) -> list[NodeWithScore]:
        """Return at most `count` nodes for a query, the best first; `stop` ends it early.

        Raises:
            SettingsError: the query is empty, or no node is wanted.
            ArchiveError: the index is damaged, of another embedder, or can't be written.
        """
        progress = (stop or Stop()).options(Options()).progress
        hits = self.archive.find(replace(self._asked, text=query, count=count), progress)
        return [NodeWithScore(node=node_of(hit), score=hit.score) for hit in hits]

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return self.found(query_bundle.query_str, self.similarity_top_k)

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        words, count = query_bundle.query_str, self.similarity_top_k
        return await in_thread(lambda stop: self.found(words, count, stop))


def as_search(given: ArchiveSearch | str | Path | None) -> ArchiveSearch:
    """Return the archive in a folder, opened to be searched, or the one that is so already.

    Raises:
        ArchiveError: there is none.
    """
    return given if isinstance(given, ArchiveSearch) else opened_search(given)


def _way(name: str) -> By:
    if name not in set(By):
        raise SettingsError(f"by cannot be {name!r}: it is {', '.join(By)}")
    return By(name)


def _scoring(given: Rerank | None) -> Rerank | None:
    if given is None or callable(given):
        return given
    raise SettingsError(
        f"{type(given).__name__!r} scores no texts",
        hint="give a function of a query and texts; node_postprocessors= of a query engine takes "
        "rerankers of LlamaIndex",
    )

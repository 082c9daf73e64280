"""AudioSearchTool: an agent searches recordings by anything that can: an archive, an index."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool, ToolException
from langchain_core.vectorstores import VectorStore
from pydantic import BaseModel, ConfigDict, Field, SkipValidation, field_validator

from langchain_qwen_audio.retrievers import ArchiveRetriever
from langchain_qwen_audio.tools import what_is_wrong
from qwen_audio_tools.agents import wording
from qwen_audio_tools.agents.searching import MOST_FOUND, Found, Searcher, search_audio
from qwen_audio_tools.agents.tools import told
from qwen_audio_tools.errors import QwenAudioError, SettingsError
from qwen_audio_tools.stopping import in_thread


@dataclass(frozen=True, slots=True)
class _Searching:
    """A function of a query and a number, as a Searcher."""

    find: Callable[[str, int], Iterable[Found | Document]]

    def search(self, query: str, k: int) -> list[Found]:
        """Return at most `k` findings."""
        return [
            each if isinstance(each, Found) else found_in(each) for each in self.find(query, k)
        ][:k]


class _Arguments(BaseModel):
    """Search recordings."""

    query: str = Field(description=wording.QUERY)
    k: int = Field(default=5, ge=1, le=MOST_FOUND, description=wording.COUNT)


class AudioSearchTool(BaseTool):
    """Finds passages in recordings, for an agent to quote or to ask about.

    `searcher` is anything with `search(query, k)`, a function like that, a retriever, or a vector
    store of what QwenAudioLoader loads. The artifact is a list of findings as plain data.
    """

    model_config = ConfigDict(extra="forbid")

    searcher: Annotated[Any, SkipValidation] = Field(exclude=True, repr=False)
    name: str = wording.SEARCH.name
    description: str = wording.SEARCH.about
    args_schema: Any = Field(default_factory=lambda: _Arguments)
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    handle_validation_error: Any = Field(default_factory=lambda: what_is_wrong)

    @field_validator("searcher")
    @classmethod
    def _as_searcher(cls, given: Any) -> Searcher:
        return as_searcher(given)

    def _run(self, query: str, k: int = 5) -> tuple[str, list[dict[str, Any]]]:
        try:
            text, found = search_audio(self.searcher, query, k)
        except QwenAudioError as error:
            raise ToolException(told(error)) from error
        return text, [each.to_dict() for each in found]

    async def _arun(self, query: str, k: int = 5) -> tuple[str, list[dict[str, Any]]]:
        return await in_thread(lambda stop: self._run(query, k))


def as_searcher(given: Any) -> Searcher:
    """Return what finds passages by it.

    Raises:
        SettingsError: nothing can be found by it.
    """
    if isinstance(given, VectorStore):  # it has a `search` too, of another kind
        return _Searching(lambda query, k: given.similarity_search(query, k=k))
    if isinstance(given, ArchiveRetriever):  # of these k is known; its filters hold
        return _Searching(lambda query, k: given.invoke(query, k=k))
    if isinstance(given, BaseRetriever):
        return _Searching(lambda query, k: given.invoke(query))
    if isinstance(given, Searcher):
        return _Searching(given.search)
    if callable(given):
        return _Searching(given)
    raise SettingsError(
        f"nothing can be searched by {type(given).__name__!r}",
        hint="give an object with search(query, k), a retriever, or a vector store",
    )


def found_in(document: Document) -> Found:
    """Return a Document as a finding: where it is from stands in its metadata."""
    known = document.metadata
    speaker = known.get("speaker") or known.get("speakers")
    return Found(
        text=document.page_content,
        source=str(known.get("source") or known.get("audio") or "a recording"),
        start=_number(known.get("start")),
        end=_number(known.get("end")),
        speaker=str(speaker) if speaker else None,
        score=_number(known.get("score")),
        title=" · ".join(str(known[name]) for name in ("show", "title") if known.get(name)),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None

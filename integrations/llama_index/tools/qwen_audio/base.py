"""QwenAudioToolSpec: the tools of the core, as LlamaIndex's agents call them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from llama_index.core.base.llms.types import AudioBlock, TextBlock
from llama_index.core.tools.tool_spec.base import BaseToolSpec
from llama_index.core.tools.types import ToolMetadata
from llama_index.llms.qwen_audio.blocks import ClipBlock
from llama_index.retrievers.qwen_audio.base import as_search
from llama_index.tools.qwen_audio.schemas import metadata_of
from llama_index.tools.qwen_audio.searching import as_searcher

from qwen_audio_tools.agents import tools
from qwen_audio_tools.agents.cutting import cut_audio
from qwen_audio_tools.agents.references import References, shown
from qwen_audio_tools.agents.searching import search_audio
from qwen_audio_tools.agents.tools import Ears, Place
from qwen_audio_tools.archive.opened_search import ArchiveSearch
from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.engines.base import Engine, Options
from qwen_audio_tools.engines.shared import shared_engine
from qwen_audio_tools.errors import QwenAudioError, SettingsError
from qwen_audio_tools.settings import read
from qwen_audio_tools.sources import SourcePolicy, agent
from qwen_audio_tools.stopping import Stop, in_thread

T = TypeVar("T")


class QwenAudioToolSpec(BaseToolSpec):
    """Tools to ask, transcribe, describe, compare, inspect and cut recordings, and to search them.

    Args:
        engine: an engine's name, or an opened Engine.
        roots: the folders in which a model may name recordings; those of the settings without it.
        allow_urls: whether it may name https URLs, too.
        store: where attachments and cuts are kept and have ids; the user's own without it.
        folder: where cuts are written instead, as files that people play.
        options: how the engine answers.
        searcher: what `search_audio` finds passages by: anything with `search(query, k)`, a
            function like that, a retriever, or an index. There is no such tool without it.
        archive: a podcast archive that is searched instead, as ArchiveRetriever takes it; the
            model may open its audio, to hear what was found.
    """

    # As LlamaIndex looks them up: a sync and an async method for each tool.
    spec_functions = [  # noqa: RUF012
        (name, f"a{name}")
        for name in (
            *("ask_audio", "transcribe", "describe_audio", "compare_audio", "audio_info"),
            "clip_audio",
        )
    ]

    def __init__(
        self,
        engine: Engine | str = "auto",
        *,
        roots: Sequence[str | Path] | None = None,
        allow_urls: bool = False,
        store: ClipStore | None = None,
        folder: str | Path | None = None,
        options: Options | None = None,
        searcher: Any = None,
        archive: ArchiveSearch | str | Path | None = None,
    ) -> None:
        self._engine, self._options = engine, options or Options()
        self._store = store or ClipStore()
        self._folder = None if folder is None else Path(folder).expanduser().resolve()
        policy = _policy(roots, self._folder, allow_urls)
        if archive is not None:
            if searcher is not None:
                raise SettingsError("an archive is searched by itself: give no searcher beside it")
            searcher = as_search(archive)
            policy = searcher.allowed(policy)
        self._searcher = None if searcher is None else as_searcher(searcher)
        if self._searcher is not None:
            self.spec_functions = [*self.spec_functions, ("search_audio", "asearch_audio")]
        self._references = References(policy=policy, store=self._store)
        self._held: Engine | None = None

    def attach(self, source: Any, name: str | None = None) -> str:
        """Keep a recording of the user's, and return how a model that hears nothing is told of it.

        `source` is a path, bytes or a Clip. The text, such as "[audio:3f0c… voice.mp3 0:12.0]",
        goes into the message of the user; the id in it is what the tools take.

        Raises:
            ClipError: it can't be opened, or holds no audio.
        """
        return shown(self._store.put(source, name), self._store)

    def ask_audio(
        self, audio_ref: str, question: str, start: float | None = None, end: float | None = None
    ) -> str:
        """Answer a question about a recording, or about the seconds from `start` to `end`."""
        return _told(self._asking(audio_ref, question, start, end))

    async def aask_audio(
        self, audio_ref: str, question: str, start: float | None = None, end: float | None = None
    ) -> str:
        """Answer a question, as `ask_audio`; cancelling stops the engine."""
        return await _atold(self._asking(audio_ref, question, start, end))

    def transcribe(
        self,
        audio_ref: str,
        start: float | None = None,
        end: float | None = None,
        language: str | None = None,
    ) -> str:
        """Write down what is said."""
        return _told(self._transcribing(audio_ref, start, end, language))

    async def atranscribe(
        self,
        audio_ref: str,
        start: float | None = None,
        end: float | None = None,
        language: str | None = None,
    ) -> str:
        """Write down what is said, as `transcribe`."""
        return await _atold(self._transcribing(audio_ref, start, end, language))

    def describe_audio(
        self, audio_ref: str, start: float | None = None, end: float | None = None
    ) -> str:
        """Describe a recording: speech, voices, sounds, music."""
        return _told(self._describing(audio_ref, start, end))

    async def adescribe_audio(
        self, audio_ref: str, start: float | None = None, end: float | None = None
    ) -> str:
        """Describe a recording, as `describe_audio`."""
        return await _atold(self._describing(audio_ref, start, end))

    def compare_audio(self, audio_refs: list[str], question: str = "") -> str:
        """Compare recordings."""
        return _told(self._comparing(audio_refs, question))

    async def acompare_audio(self, audio_refs: list[str], question: str = "") -> str:
        """Compare recordings, as `compare_audio`."""
        return await _atold(self._comparing(audio_refs, question))

    def audio_info(self, audio_ref: str) -> str:
        """Tell what a file holds, without listening."""
        return _told(self._inspecting(audio_ref))

    async def aaudio_info(self, audio_ref: str) -> str:
        """Tell what a file holds, as `audio_info`."""
        return await _atold(self._inspecting(audio_ref))

    def clip_audio(self, audio_ref: str, start: float, end: float) -> list[TextBlock | AudioBlock]:
        """Cut a span out, and return it as audio."""
        return _told(self._cutting(audio_ref, start, end))

    async def aclip_audio(
        self, audio_ref: str, start: float, end: float
    ) -> list[TextBlock | AudioBlock]:
        """Cut a span out, as `clip_audio`."""
        return await _atold(self._cutting(audio_ref, start, end))

    def search_audio(self, query: str, k: int = 5) -> str:
        """Find passages in recordings, with the places where they are."""
        return _told(self._searching(query, k))

    async def asearch_audio(self, query: str, k: int = 5) -> str:
        """Find passages, as `search_audio`."""
        return await _atold(self._searching(query, k))

    def get_metadata_from_fn_name(
        self, fn_name: str, spec_functions: Any = None
    ) -> ToolMetadata | None:
        """Return what a model reads of a tool; which recordings it may name is said there."""
        return metadata_of(fn_name, self._references.takes)

    def _ears(self) -> Ears:
        self._held = shared_engine(self._engine)
        return Ears(engine=self._held, references=self._references, options=self._options)

    def _asking(
        self, audio: str, question: str, start: float | None, end: float | None
    ) -> Callable[[Stop], str]:
        place = _place(audio, start, end)
        return lambda stop: tools.ask_audio(self._ears(), question, place, stop).text

    def _transcribing(
        self, audio: str, start: float | None, end: float | None, language: str | None
    ) -> Callable[[Stop], str]:
        place = _place(audio, start, end)
        return lambda stop: (
            tools.transcribe_audio(self._ears(), place, language=language, stop=stop).text
        )

    def _describing(
        self, audio: str, start: float | None, end: float | None
    ) -> Callable[[Stop], str]:
        place = _place(audio, start, end)
        return lambda stop: tools.describe_audio(self._ears(), place, stop).text

    def _comparing(self, audios: list[str], question: str) -> Callable[[Stop], str]:
        return lambda stop: tools.compare_audio(self._ears(), audios, question, stop).text

    def _inspecting(self, audio: str) -> Callable[[Stop], str]:
        return lambda _: tools.audio_info(self._ears(), _place(audio)).text

    def _searching(self, query: str, k: int) -> Callable[[Stop], str]:
        if self._searcher is None:
            raise SettingsError("there is nothing to search", hint="QwenAudioToolSpec(archive=…)")
        searcher = self._searcher
        return lambda _: search_audio(searcher, query, _count(k))[0]

    def _cutting(
        self, audio: str, start: float, end: float
    ) -> Callable[[Stop], list[TextBlock | AudioBlock]]:
        place = _place(audio, start, end)

        def cut(_: Stop) -> list[TextBlock | AudioBlock]:
            made = cut_audio(self._references, place, into=self._folder or self._store)
            # The clip too: what a model hears in it then has the times of the recording.
            audio = ClipBlock.of(made.reply.clips[0], path=made.path, format="wav")
            return [TextBlock(text=made.reply.text), audio]

        return cut


def _place(audio: str, start: float | None = None, end: float | None = None) -> Place:
    """Return which audio is meant. A model may write "3" for 3: LlamaIndex checks no argument.

    Raises:
        SettingsError: an argument is not what the schema says.
    """
    try:
        seconds = [None if value is None else float(value) for value in (start, end)]
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"start and end are seconds, not {start!r} and {end!r}", hint="write them as numbers"
        ) from error
    if not isinstance(audio, str) or not audio.strip():
        raise SettingsError(f"audio_ref names one recording, not {audio!r}")
    return Place(audio=audio, start_s=seconds[0], end_s=seconds[1])


def _count(k: Any) -> int:
    try:
        return int(k)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"k is a number of passages, not {k!r:.80}") from error


def _policy(
    roots: Sequence[str | Path] | None, folder: Path | None, allow_urls: bool
) -> SourcePolicy:
    named = list(read().roots if roots is None else roots)
    return replace(agent([*named, folder] if folder else named), allow_urls=allow_urls)


def _told(work: Callable[[Stop], T]) -> T:
    """Return what the work gives; an error says in its message what a model can do about it.

    LlamaIndex shows a model `str(error)`, marks the result as an error, and lets it go on.
    """
    try:
        return work(Stop())
    except QwenAudioError as error:
        raise type(error)(tools.told(error), hint=error.hint) from error


async def _atold(work: Callable[[Stop], T]) -> T:
    try:
        return await in_thread(work)
    except QwenAudioError as error:
        raise type(error)(tools.told(error), hint=error.hint) from error

"""Recordings as Documents, each there as soon as it was heard, in constant memory."""

import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from langchain_core.document_loaders import BaseBlobParser, BaseLoader, BlobLoader
from langchain_core.documents import Document
from langchain_core.documents.base import Blob

from langchain_qwen_audio.documents import clip_of, documents
from qwen_audio_tools.engines import open_engine
from qwen_audio_tools.engines.base import Engine, Options
from qwen_audio_tools.errors import Cancelled, QwenAudioError
from qwen_audio_tools.passages import WINDOW, Grain
from qwen_audio_tools.sources.naming import expand
from qwen_audio_tools.sources.policy import SourcePolicy
from qwen_audio_tools.stopping import Stop, iterate

Mode = Literal["segment", "window", "file"]
Source = str | Path | Blob | BlobLoader


class AudioNotLoaded(UserWarning):
    """A recording that could not be loaded, where its loader goes on with the others."""


class QwenAudioBlobParser(BaseBlobParser):
    """Makes Documents of a recording in a blob: of its path, or of its bytes.

    Args:
        engine: who listens: a name, such as "embedded", or an Engine.
        mode: a Document for each "segment" of speech, for each "window" with the sounds and the
            emotion in it, too, or one for the whole "file".
        speakers: whether segments name who speaks; then a recording is heard whole first.
        window: the longest window in seconds.
        options: how the engine answers.
        policy: what paths may be opened; a person's by default, as the caller names them.
    """

    def __init__(
        self,
        engine: str | Engine = "auto",
        *,
        mode: Mode = "segment",
        speakers: bool = False,
        window: float = WINDOW,
        options: Options | None = None,
        policy: SourcePolicy | None = None,
    ) -> None:
        self.engine = open_engine(engine) if isinstance(engine, str) else engine
        self.grain, self.speakers, self.window = Grain(mode), speakers, window
        self.options = options or Options()
        self.policy = policy

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """Yield Documents in the order of time; closing the iterator stops the engine.

        Raises:
            QwenAudioError: it can't be opened or heard.
        """
        yield from self._parse(blob, Stop())

    async def alazy_parse(self, blob: Blob) -> AsyncIterator[Document]:
        """Yield as `lazy_parse`; leaving the loop, or cancelling it, stops the engine."""
        async for document in iterate(lambda stop: self._parse(blob, stop)):
            yield document

    def _parse(self, blob: Blob, stop: Stop) -> Iterator[Document]:
        return documents(
            clip_of(blob, self.policy),
            dict(blob.metadata),
            engine=self.engine,
            grain=self.grain,
            options=stop.options(self.options),
            speakers=self.speakers,
            window=self.window,
        )


class QwenAudioLoader(BaseLoader):
    """Loads recordings: files, folders, globs, https URLs, blobs, loaders of blobs.

    Args:
        sources: one of them, or several.
        parser: what makes Documents of each; or give what QwenAudioBlobParser takes.
        on_error: "raise" at the first recording that can't be loaded, or "report": warn, keep it
            in `errors`, call `on_failure`, and go on. None is skipped in silence.
        on_failure: called with the source and its error, as soon as there is one.
    """

    def __init__(
        self,
        sources: Source | Iterable[Source],
        *,
        parser: QwenAudioBlobParser | None = None,
        on_error: Literal["raise", "report"] = "raise",
        on_failure: Callable[[str, QwenAudioError], object] | None = None,
        **parsing: Any,
    ) -> None:
        if parser is not None and parsing:
            raise TypeError(f"give a parser, or {', '.join(parsing)} for one, but not both")
        if on_error not in ("raise", "report"):
            raise ValueError(f'on_error is "raise" or "report", not {on_error!r}')
        single = isinstance(sources, str | Path | Blob | BlobLoader)
        self.sources: list[Source] = [sources] if single else list(sources)  # type: ignore[list-item, arg-type]
        self.parser = parser or QwenAudioBlobParser(**parsing)
        self.errors: list[tuple[str, QwenAudioError]] = []
        self._report, self._on_failure = on_error == "report", on_failure

    def lazy_load(self) -> Iterator[Document]:
        """Yield Documents as they are heard; closing the iterator stops the engine.

        `errors` holds the failures of this run.

        Raises:
            QwenAudioError: the first failure, unless it is to be reported.
        """
        yield from self._load(Stop())

    async def alazy_load(self) -> AsyncIterator[Document]:
        """Yield as `lazy_load`; leaving the loop, or cancelling it, stops the engine."""
        async for document in iterate(self._load):
            yield document

    def _load(self, stop: Stop) -> Iterator[Document]:
        self.errors = []
        for source in self.sources:
            for blob in self._guarded(str(source), self._blobs(source)):
                name = str(blob.source or "a blob")
                yield from self._guarded(name, self.parser._parse(blob, stop))

    def _blobs(self, source: Source) -> Iterator[Blob]:
        if isinstance(source, Blob):
            yield source
        elif isinstance(source, BlobLoader):
            yield from source.yield_blobs()
        else:
            for path in expand([str(source)]):
                yield Blob(path=path, metadata={"source": path})

    def _guarded(self, name: str, items: Iterator[Any]) -> Iterator[Any]:
        """Yield the items; a failure ends them, and is raised or reported."""
        try:
            with closing(items):  # type: ignore[type-var]
                yield from items
        except Cancelled:
            raise
        except QwenAudioError as error:
            if not self._report:
                raise
            self.errors.append((name, error))
            if self._on_failure:
                self._on_failure(name, error)
            warnings.warn(f"{name} was not loaded: {error}", AudioNotLoaded, stacklevel=2)

"""QwenAudioReader: recordings as Documents, lazily, from this machine or any filesystem."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.readers.base import BasePydanticReader, BaseReader, ResourcesReaderMixin
from llama_index.core.schema import Document, MediaResource
from llama_index.llms.qwen_audio.engine_fields import EngineFields
from llama_index.readers.qwen_audio.documents import (
    HIDDEN,
    UNEMBEDDED,
    heard,
    lasting,
    source_of,
    unheard,
)
from llama_index.readers.qwen_audio.recordings import Recording, recording_at

from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.passages import WINDOW, Grain
from qwen_audio_tools.sources.naming import SUFFIXES, expand


class QwenAudioReader(EngineFields, BasePydanticReader, ResourcesReaderMixin):
    """Listens to recordings and yields a Document for each segment of speech, window or file.

    With `listen=False` a recording is one Document that only says where the sound is: an
    IngestionPipeline then listens to nothing but what has changed, by SegmentNodeParser.
    """

    grain: Grain = Field(
        default=Grain.SEGMENT,
        description="segment: each stretch of speech; window: at most `window` seconds with words, "
        "sounds and emotion; file: the whole transcript.",
    )
    window: float = Field(default=WINDOW, gt=0, description="The longest window, in seconds.")
    speakers: bool = Field(default=False, description="Whether segments name who speaks.")
    language: str | None = Field(default=None, description="Of the speech: ISO 639-1, if known.")
    listen: bool = Field(default=True, description="False leaves the listening to a node parser.")
    sources: tuple[str, ...] = Field(
        default=(), description="Files, folders and globs that are the reader's resources."
    )

    @classmethod
    def class_name(cls) -> str:
        """Return the key by which LlamaIndex writes and reads it."""
        return "QwenAudioReader"

    def lazy_load_data(
        self,
        file: str | PurePath,
        extra_info: Mapping[str, Any] | None = None,
        fs: Any = None,
    ) -> Iterable[Document]:
        """Yield the Documents of a recording as they are heard; a generator that is left stops.

        Args:
            file: a path, or an https URL.
            extra_info: metadata for each Document; dates of the file are left out.
            fs: the fsspec filesystem that the file is in, unless it is this machine's.

        Raises:
            ClipError: there is no such file, or no sound in it.
            EngineError: the engine could not answer.
        """
        recording = recording_at(file, fs, self.policy)
        extra = lasting(dict(extra_info or {}))
        if not self.listen:
            yield _document(recording, unheard(recording), extra | source_of(recording))
            return
        yield from self._heard(recording, extra)

    def _heard(self, recording: Recording, extra: dict[str, Any]) -> Iterator[Document]:
        how = {"grain": self.grain, "speakers": self.speakers, "window": self.window}
        options = Options(language=self.language)
        found = heard(recording, engine=self.opened_engine(), options=options, how=how)
        for text, metadata in found:
            number = None if self.grain is Grain.FILE else metadata["segment_index"]
            yield _document(recording, text, extra | metadata, number)

    def list_resources(self, *args: Any, **kwargs: Any) -> list[str]:
        """Return the recordings that `sources` names, sorted within each folder.

        Raises:
            ClipMissing: a folder or glob holds no audio.
        """
        return expand(self.sources)

    def get_resource_info(self, resource_id: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return where the recording is, its hash, length and form; nothing is decoded.

        Raises:
            ClipError: it can't be opened.
        """
        recording = recording_at(resource_id, None, self.policy)
        info = recording.clip.info
        return {
            **source_of(recording),
            "seconds": recording.clip.duration_hint,
            "container": info.container,
            "rate": info.rate,
            "channels": info.channels,
            "file_size": info.size,
        }

    def load_resource(self, resource_id: str, *args: Any, **kwargs: Any) -> list[Document]:
        """Return the Documents of a recording, as `lazy_load_data` yields them."""
        return list(self.lazy_load_data(resource_id, *args, **kwargs))


def audio_file_extractor(reader: BaseReader | None = None) -> dict[str, BaseReader]:
    """Return `file_extractor` for SimpleDirectoryReader: every ending of audio and video files.

    Without it wav, m4a, flac and ogg files are read as text. Give SimpleDirectoryReader
    `raise_on_error=True` as well: it prints the errors of a file and goes on otherwise.
    """
    chosen = reader or QwenAudioReader()
    return dict.fromkeys(sorted(SUFFIXES), chosen)


def _document(
    recording: Recording, text: str, metadata: dict[str, Any], number: int | None = None
) -> Document:
    return Document(
        id_=recording.id if number is None else f"{recording.id}:{number}",
        text_resource=MediaResource(text=text),
        metadata=metadata,
        excluded_embed_metadata_keys=list(UNEMBEDDED),
        excluded_llm_metadata_keys=list(HIDDEN),
    )

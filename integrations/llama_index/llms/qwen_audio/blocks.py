"""Blocks of LlamaIndex that hold sound, as Clips; and a Clip as a block that traces lightly."""

import base64
from io import BytesIO, IOBase
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from llama_index.core.base.llms.types import (
    AudioBlock,
    BaseContentBlock,
    DocumentBlock,
    VideoBlock,
)
from llama_index.core.bridge.pydantic import PrivateAttr

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.content_blocks import Origin, part_of
from qwen_audio_tools.errors import ClipError, ClipUnsupported

SoundBlock = AudioBlock | VideoBlock | DocumentBlock


class ClipBlock(AudioBlock):
    """An AudioBlock whose clip is known already: a span keeps the times of its recording.

    What telemetry writes of it is where the audio is from, never the audio. Other LLMs read it by
    its path, or by `resolve_audio`.
    """

    _clip: Clip | None = PrivateAttr(default=None)
    _of_video: bool = PrivateAttr(default=False)

    @classmethod
    def of(cls, clip: Clip, *, of_video: bool = False, **fields: Any) -> "ClipBlock":
        """Return the block of a clip; `fields` are those of AudioBlock, such as a path."""
        block = cls(**fields)
        block._clip, block._of_video = clip, of_video
        return block

    @property
    def clip(self) -> Clip | None:
        """The clip; None in another process, where a path or bytes are what is left of it."""
        return self._clip

    def __getstate__(self) -> dict[Any, Any]:
        """Leave the clip behind: it may hold an open file."""
        state: dict[Any, Any] = super().__getstate__()
        state["__pydantic_private__"] = {"_clip": None, "_of_video": self._of_video}
        return state

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> "ClipBlock":
        """Share the clip with the copy."""
        return self.model_copy()

    def resolve_audio(self, as_base64: bool = False) -> IOBase:
        """Return the bytes of the clip's file."""
        if self._clip is None:
            return super().resolve_audio(as_base64=as_base64)
        data = b"".join(self._clip.file_bytes())
        return BytesIO(base64.b64encode(data) if as_base64 else data)

    async def aestimate_tokens(self, *args: Any, **kwargs: Any) -> int:
        """Return the tokens of so many seconds in Qwen2-Audio: 25 a second."""
        try:
            return 256 if self._clip is None else int(self._clip.duration * 25) + 1
        except ClipError:  # whoever opens it for the answer says so; here it is but a number
            return 256


def clip_of(block: SoundBlock, origin: Origin) -> Clip:
    """Return the clip that a block stands for; what its `format` says is not believed.

    Raises:
        ClipUnsupported: the block holds no sound.
        ClipError: as `part_of`; all else shows when the clip is opened.
    """
    if isinstance(block, ClipBlock) and block.clip is not None:
        return block.clip
    data = _data(block)
    if isinstance(data, IOBase):
        return Clip(data, policy=origin.policy)
    values: dict[str, Any] = {"type": "audio"}
    if data is not None:  # LlamaIndex keeps bytes as base64
        values["base64"] = data.decode("ascii")
    elif block.path is not None:
        values["path"] = str(block.path)
    elif block.url is not None:
        values["url"] = str(block.url)
    if len(values) == 1:
        raise ClipUnsupported(
            f"an {type(block).__name__} holds neither bytes nor a path nor a url",
            hint='AudioBlock(path="clip.mp3")',
        )
    if isinstance(block, DocumentBlock):
        values |= {"type": "file", "mime_type": block.document_mimetype or ""}
    part = part_of(values, origin)
    assert isinstance(part, Clip)
    return part


def lightened(block: SoundBlock, origin: Origin) -> SoundBlock:
    """Return the block without audio and keys in what is written of it; a path stays a path.

    Raises:
        ClipError: as `clip_of`.
    """
    url = "" if block.url is None else str(block.url)
    if _data(block) is None and (not url or isinstance(block, ClipBlock)):
        return block
    clip = clip_of(block, origin)
    inline = _data(block) is not None or url[:5].lower() == "data:"
    named = f"clip:{clip.name.replace(' ', '-')}" if inline else _without_query(url)
    return ClipBlock.of(clip, of_video=has_pictures(block), url=named)


def has_pictures(block: BaseContentBlock) -> bool:
    """Whether the block is a video, of which only the sound is heard."""
    return isinstance(block, VideoBlock) or (isinstance(block, ClipBlock) and block._of_video)


def _data(block: SoundBlock) -> bytes | IOBase | None:
    if isinstance(block, AudioBlock):
        return block.audio
    return block.video if isinstance(block, VideoBlock) else block.data


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))

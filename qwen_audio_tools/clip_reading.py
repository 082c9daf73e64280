"""How a Clip reads its source, of any kind: opened once per run; what can't be reopened is kept."""

from __future__ import annotations

import hashlib
import io
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from qwen_audio_tools.decoding.limits import RATE, AudioInfo
from qwen_audio_tools.errors import ClipError
from qwen_audio_tools.sources.policy import SourcePolicy

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Samples
    from qwen_audio_tools.decoding.reader import Reader

_CHUNK = 2**20
Observe = Callable[[int, "Samples"], None]


class Shared(dict[str, Any]):
    """What all parts of one source know of it; a class of its own, for a weak reference."""


@dataclass(slots=True)
class Known:
    """What was found out: `shared` about the whole source by all its parts, `own` by one part."""

    shared: Shared = field(default_factory=Shared)
    own: dict[str, Any] = field(default_factory=dict)

    def part(self) -> Known:
        """Return what a part of the same source knows from the start."""
        return Known(self.shared)


@dataclass(frozen=True, slots=True)
class Stored:
    """A clip in a ClipStore: its id, and where its bytes lie."""

    id: str
    path: Path


def name_of(source: Any) -> str:
    """Return what to call a source; never its content."""
    from qwen_audio_tools.sources import source_name

    if isinstance(source, Stored):
        return source.id
    if isinstance(source, bytes | bytearray):
        return f"{len(source)} bytes"
    if isinstance(source, tuple):
        return "samples"
    return "AudioSegment" if _is_segment(source) else source_name(source)


def _is_segment(source: Any) -> bool:
    return hasattr(source, "raw_data") and hasattr(source, "frame_rate")


def _array(source: Any) -> tuple[Any, int] | None:
    """Return (samples, rate) if that is what the source is."""
    if _is_segment(source):
        from qwen_audio_tools.decoding.array_reader import segment_samples

        return segment_samples(source)
    if isinstance(source, tuple):
        if len(source) == 2 and hasattr(source[0], "__len__") and isinstance(source[1], int):
            return source
        raise ClipError("a tuple is taken as (samples, rate), the rate in Hz as an int")
    if hasattr(source, "__array__"):
        raise ClipError("an array needs its rate", hint="Clip((samples, 44100))")
    return None


@dataclass(frozen=True, slots=True)
class Address:
    """All that is needed to open a source again."""

    source: Any
    policy: SourcePolicy
    name: str
    shared: Shared


@contextmanager
def opened(address: Address) -> Iterator[Reader]:
    """Open a source of any kind for one use."""
    from qwen_audio_tools.decoding.reader import open_reader

    limits, name = address.policy.limits, address.name
    if (array := _array(address.source)) is not None:
        from qwen_audio_tools.decoding.array_reader import ArrayReader

        yield ArrayReader(array[0], array[1], name, limits)
        return
    with _file(address) as file:
        reader = open_reader(file, name, limits)
        try:
            yield reader
        finally:
            reader.close()


@contextmanager
def _file(address: Address) -> Iterator[BinaryIO]:
    from qwen_audio_tools.sources import SharedFile, is_lasting, open_source

    source = address.source.path if isinstance(address.source, Stored) else address.source
    if is_lasting(source):
        with open_source(source, address.policy) as found:
            yield found.file
        return
    # stdin, a download and a caller's file can't be opened twice, but runs may interleave.
    if "file" not in address.shared:
        found = open_source(source, address.policy)
        address.shared["file"] = SharedFile(found.file)
        weakref.finalize(address.shared, found.close)
    yield address.shared["file"].view()


class Run:
    """One decoding of a source; what was odd about it is complete after the last block."""

    def __init__(self, address: Address) -> None:
        self.warnings: tuple[str, ...] = ()
        self.whole: float | None = None
        self.info: AudioInfo | None = None
        self.claimed: float | None = None
        self._address = address

    def blocks(
        self, start: float, end: float | None, observe: Observe | None = None
    ) -> Iterator[Samples]:
        """Yield the samples between two seconds of the recording, in blocks of any length."""
        from qwen_audio_tools.decoding.stream import Decoded

        with opened(self._address) as reader:
            limits = self._address.policy.limits
            decoded = Decoded(reader, self._address.name, start, end, limits)
            decoded.observe = observe
            self.info, self.claimed = decoded.info, reader.claimed
            yield from decoded
            self.warnings, self.whole = decoded.warnings, decoded.whole


def whole_by_decoding(address: Address) -> float:
    """Return the seconds of a recording whose header can't be trusted."""
    return sum(len(block) for block in Run(address).blocks(0.0, None)) / RATE


def digest(address: Address) -> str:
    """Return the SHA-256 in hex of a source's bytes, or of its samples with their rate."""
    found = hashlib.sha256()
    if (array := _array(address.source)) is not None:
        import numpy as np

        samples = np.ascontiguousarray(array[0])
        found.update(f"{samples.dtype.str} {samples.shape} {array[1]} ".encode())
        found.update(samples.tobytes())
        return found.hexdigest()
    with _file(address) as file:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def even(blocks: Iterable[Samples], length: int) -> Iterator[Samples]:
    """Yield blocks of exactly `length` samples, the last one shorter, each its own memory."""
    import numpy as np

    held: list[Samples] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count < length:
            continue
        joined = np.concatenate(held) if len(held) > 1 else block
        whole = count - count % length
        for at in range(0, whole, length):
            yield joined[at : at + length]
        held, count = ([joined[whole:]], count - whole) if count > whole else ([], 0)
    if count:
        yield np.concatenate(held)


def wav(blocks: Iterable[Samples]) -> bytes:
    """Return 16 kHz mono samples as a 16 bit WAV file."""
    import wave

    import numpy as np

    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for block in blocks:
            scaled = np.clip(np.rint(block * 32768), -32768, 32767)
            file.writeframesraw(scaled.astype("<i2").tobytes())
    return held.getvalue()


def bytes_of(address: Address) -> Iterator[bytes]:
    """Yield a source's bytes as they are; samples in memory come as a 16 bit WAV file."""
    if _array(address.source) is not None:
        yield wav(Run(address).blocks(0.0, None))
        return
    with _file(address) as file:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk

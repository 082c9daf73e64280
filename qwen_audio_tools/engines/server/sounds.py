"""Clips as they are sent: windows decoded here, 16 kHz WAV in base64, each made once and kept."""

import asyncio
import hashlib
from base64 import b64encode
from collections import OrderedDict
from concurrent.futures import Executor
from dataclasses import dataclass
from weakref import WeakValueDictionary

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_reading import wav
from qwen_audio_tools.engines.listening import listen

_KEPT_BYTES = 128 * 1024 * 1024
"""A window of 30 s has 1.3 MB: what is asked about again is among the last hundred."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A clip ready to be sent: a WAV file in base64.

    `name` stands for its content, `source` for the clip that it was made of.
    """

    name: str
    source: str
    data: str
    seconds: float
    warnings: tuple[str, ...]


class Sounds:
    """The sounds that were made last, by content. It belongs to one event loop."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._kept: OrderedDict[tuple[str, float], Sound] = OrderedDict()
        self._making: WeakValueDictionary[tuple[str, float], asyncio.Lock] = WeakValueDictionary()
        self._held = 0

    async def of(self, clip: Clip, window: float) -> Sound:
        """Return a clip of at most `window` seconds.

        Raises:
            ClipTooLong: it is longer. Nothing is cut.
            ClipError: it can't be read.
        """
        loop = asyncio.get_running_loop()
        source = await self.source(clip)
        key = (source, window)
        lock = self._making.setdefault(key, asyncio.Lock())
        async with lock:  # whoever asks for the same clip meanwhile waits for it
            if key in self._kept:
                self._kept.move_to_end(key)
            else:
                making = loop.run_in_executor(self._executor, _made, clip, source, window)
                self._keep(key, await making)
            return self._kept[key]

    async def source(self, clip: Clip) -> str:
        """Return what stands for a clip before it is decoded."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, _fingerprint, clip)

    def _keep(self, key: tuple[str, float], sound: Sound) -> None:
        self._kept[key] = sound
        self._held += len(sound.data)
        while self._held > _KEPT_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._held -= len(oldest.data)


def _fingerprint(clip: Clip) -> str:
    return clip.fingerprint


def _made(clip: Clip, source: str, window: float) -> Sound:
    samples, seconds, warnings = listen(clip, window)
    data = wav([samples])
    name = f"qwa-{hashlib.sha256(data).hexdigest()[:40]}"
    return Sound(name, source, b64encode(data).decode("ascii"), seconds, warnings)

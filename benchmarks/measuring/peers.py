"""faster-whisper alone, as its own documentation uses it: the peer that ours stands beside."""

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from measuring.spoken import Samples
from qwen_audio_tools.engines.embedded import weights

_ALONE = """
import sys
from faster_whisper import WhisperModel
model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8")
for file in sys.argv[2:]:
    segments, _ = model.transcribe(file)
    print(" ".join(segment.text.strip() for segment in segments))
"""
_BATCHED = """
import sys
from faster_whisper import BatchedInferencePipeline, WhisperModel
model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8")
for file in sys.argv[2:]:
    segments, _ = BatchedInferencePipeline(model).transcribe(file, batch_size=8)
    print(" ".join(segment.text.strip() for segment in segments))
"""


def folder() -> str:
    """Return the folder of the Whisper that both sides use."""
    return str(weights.folder("whisper-base"))


def command(*files: str, batched: bool = False) -> list[str]:
    """Return the command that transcribes files, one after the other, in a fresh process."""
    return [sys.executable, "-c", _BATCHED if batched else _ALONE, folder(), *files]


def model(*, workers: int = 1) -> Any:
    """Return faster-whisper's model, with its defaults or with workers of one thread each."""
    from faster_whisper import WhisperModel

    threads = {"cpu_threads": 1, "num_workers": workers} if workers > 1 else {}
    return WhisperModel(folder(), device="cpu", compute_type="int8", **threads)


def text_of(peer: Any, samples: Samples, *, language: str | None = None) -> str:
    """Return what it hears; without a language it finds that out, as ours does."""
    segments, _ = peer.transcribe(samples, language=language)
    return " ".join(segment.text.strip() for segment in segments)


def texts_of(clips: list[Samples], *, workers: int = 2) -> list[str]:
    """Return what it hears in each clip, two at a time: this is for words, not for seconds."""
    peer = model(workers=workers)
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda samples: text_of(peer, samples), clips))

"""A Clip as what the encoder takes: decoded once, named by its content, and kept."""

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.engines import listening
from qwen_audio_tools.engines.transformers.prompt import Sound

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.reuse.kept import Kept


def listen(clip: Clip, *, window: float, kept: "Kept | None" = None) -> Sound:
    """Decode a clip of at most `window` seconds; what is in `kept` isn't decoded again.

    A clip under 0.1 s is filled up with silence, and says so in the warnings.

    Raises:
        ClipTooLong: it is longer than the window. Nothing is cut, and no more is decoded.
        ClipError: it can't be read, or holds no numbers.
    """
    if kept is None:
        return _decoded(clip, window)
    key = ("decoded", clip.fingerprint, window)
    sound: Sound | None = kept.get(key)
    if sound is None:
        sound = _decoded(clip, window)
        kept.put(key, sound, sound.samples.nbytes)
    return replace(sound, name=clip.name)


def _decoded(clip: Clip, window: float) -> Sound:
    samples, seconds, warnings = listening.listen(clip, window)
    key = hashlib.sha256(samples.astype("<f4", copy=False).tobytes()).hexdigest()
    return Sound(key, samples, seconds, name=clip.name, warnings=warnings)

"""Sound from the microphone, as a Clip. Needs the `record` extra (sounddevice)."""

import time
from collections.abc import Callable
from typing import Any

from qwa.sound_card import sound_card
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.errors import ClipUnreadable

LONGEST = 600.0
"""Seconds after which a recording ends by itself, if nobody ends it."""
POLL_S = 0.03
Stopped = Callable[[], bool]
Progress = Callable[[str, float, float], None]


def record(seconds: float | None, stopped: Stopped, progress: Progress) -> Clip:
    """Return what the microphone hears for `seconds`, or until `stopped()`.

    Raises:
        MissingExtra: sounddevice, or the PortAudio library that it needs, is not installed.
        ClipUnreadable: there is no microphone, it can't be opened, or nothing came from it.
    """
    import numpy as np

    sounddevice = sound_card("to record")
    length = min(seconds or LONGEST, LONGEST)
    blocks: list[Any] = []

    def take(block: Any, frames: int, at: Any, status: Any) -> None:
        blocks.append(block[:, 0].copy())

    try:
        # Its own rate: not every microphone gives 16 kHz, and a Clip resamples better.
        rate = round(sounddevice.query_devices(kind="input")["default_samplerate"])
        stream = sounddevice.InputStream(
            samplerate=rate, channels=1, dtype="float32", callback=take
        )
        with stream:
            _wait(lambda: sum(map(len, blocks)) / rate, length, stopped, progress)
    except (sounddevice.PortAudioError, ValueError, OSError) as error:
        raise ClipUnreadable(
            f"the microphone can't be used: {error}", hint="python -m sounddevice lists the devices"
        ) from error
    if not blocks:
        raise ClipUnreadable("nothing came from the microphone", hint="python -m sounddevice")
    samples = np.concatenate(blocks)[: round(length * rate)]
    return Clip((samples, rate), title=f"recording of {len(samples) / rate:.1f} s")


def _wait(heard: Callable[[], float], length: float, stopped: Stopped, progress: Progress) -> None:
    # A device that was unplugged sends nothing more, and tells nobody.
    silent_since, before = time.monotonic(), 0.0
    while (now := heard()) < length and not stopped():
        if now > before:
            silent_since, before = time.monotonic(), now
        elif time.monotonic() - silent_since > 5.0:
            return
        progress("recording", now, length)
        time.sleep(POLL_S)

"""Speech made by espeak-ng, for tests; knows neither files nor sounds.

The library comes with the development package `espeakng_loader`. It is intelligible, robotic, and
the same on every machine, which is what a test needs.
"""

import _ctypes
import ctypes
import importlib
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.errors import ClipUnsupported, MissingExtra

RATE = 16_000
"""Hz of all that this package makes unless told otherwise."""

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples go to our callback, no sound card
_UTF8 = 1
_PARAMETER = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}
_ALIAS = {"en-gb": "en"}  # espeak names this one file after another of its languages
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)
# One voice, one callback and one set of parameters per process: espeak keeps them in globals.
_lock = threading.Lock()


def speech(
    text: str,
    *,
    voice: str = "en-us",
    rate_wpm: int = 165,
    pitch: int = 50,
    pitch_range: int = 50,
    rate: int = RATE,
) -> npt.NDArray[np.float32]:
    """Return `text` spoken: float32 in [-1, 1], shape (n,), at `rate` Hz, peak about 0.7.

    `voice` is an espeak-ng name (`en-us`, `en-gb`, `de`, `fr`, `es`, `cmn`), with a variant if you
    like (`en-us+f3` is a woman's). `pitch` and `pitch_range` go from 0 to 99, 50 being normal.
    Raises MissingExtra without espeakng_loader, ClipUnsupported for a voice that it hasn't.
    """
    import soxr

    with _lock:
        library, own_rate = _open()
        try:
            samples = _speak(library, text, voice, (rate_wpm, pitch, pitch_range))
        finally:
            library.espeak_Terminate()
            _unload(library)
    if not len(samples):
        return np.zeros(0, np.float32)
    scaled = samples.astype(np.float32) / 32768.0
    resampled = np.asarray(soxr.resample(scaled, own_rate, rate, quality="HQ"), dtype=np.float32)
    return np.asarray(resampled * (0.7 / max(float(np.abs(resampled).max()), 1e-6)), np.float32)


def _open() -> tuple[ctypes.CDLL, int]:
    """Return the library, freshly loaded, and its own rate."""
    try:
        espeakng_loader = importlib.import_module("espeakng_loader")
    except ImportError as error:
        raise MissingExtra(
            "made speech needs the package 'espeakng_loader', which is not installed",
            hint="pip install espeakng-loader",
        ) from error
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = str(espeakng_loader.get_data_path()).encode()
    own_rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
    if own_rate <= 0:
        raise MissingExtra(f"espeak-ng found no voices in {data.decode()!r}")
    return library, int(own_rate)


def _unload(library: ctypes.CDLL) -> None:
    """Drop the library from the process: its phases and random numbers outlive a mere restart,
    and the same words would come out a few samples longer or shorter the next time."""
    close = getattr(_ctypes, "dlclose", None) or getattr(_ctypes, "FreeLibrary", None)
    if close is not None:
        close(library._handle)


def _speak(
    library: ctypes.CDLL, text: str, voice: str, settings: tuple[int, int, int]
) -> npt.NDArray[np.int16]:
    """Return what the library says, at its own rate."""
    heard: list[bytes] = []

    def take(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            heard.append(ctypes.string_at(samples, count * 2))
        return 0

    callback = _CALLBACK(take)  # held here, or it would be freed while in use
    library.espeak_SetSynthCallback(callback)
    language, plus, variant = voice.partition("+")
    name = _ALIAS.get(language.lower(), language) + plus + variant
    if library.espeak_SetVoiceByName(name.encode()) != 0:
        raise ClipUnsupported(
            f"espeak-ng has no voice {voice!r}",
            hint="names are language codes such as en-us, de or cmn, with +f3 or +m3 for a variant",
        )
    for parameter, value in zip(("rate", "pitch", "range"), settings, strict=True):
        library.espeak_SetParameter(_PARAMETER[parameter], value, 0)
    encoded = text.encode()
    library.espeak_Synth(
        ctypes.c_char_p(encoded), ctypes.c_size_t(len(encoded) + 1),
        0, 0, 0, _UTF8, None, None,
    )  # fmt: skip
    library.espeak_Synchronize()
    return np.frombuffer(b"".join(heard), dtype=np.int16)

"""The experts of the cascade, each made when it is first needed and shared from then on."""

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from qwen_audio_tools.engines.embedded.speech.words import Words

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qwen_audio_tools.engines.base import Progress
    from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import SentenceEncoder
    from qwen_audio_tools.engines.embedded.speech.speech_windows import SpeechWindow
    from qwen_audio_tools.engines.embedded.speech.transcription import Transcriber

    Samples = npt.NDArray[np.float32]


Made = TypeVar("Made")


class Meter(Protocol):
    """An expert that listens to consecutive 16 kHz blocks and then says what it heard."""

    def feed(self, samples: "Samples") -> None:
        """Hear the next samples, shape (n,)."""
        ...

    def finish(self) -> Any:
        """Return what was heard."""
        ...


class Models:
    """Opens each expert once; safe to use from threads.

    `whisper` is empty for the base model, a size such as "small", or a folder.
    """

    def __init__(self, *, whisper: str = "") -> None:
        self._whisper = whisper
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def whisper_name(self) -> str:
        """Which Whisper transcribes, as it goes into names and cache keys."""
        from qwen_audio_tools.engines.embedded.weights.whisper_choice import chosen_name

        return chosen_name(self._whisper)

    def fetch(self, names: Iterable[str], progress: "Progress | None") -> None:
        """Fetch the weights of that name that are not here yet, telling how far it is.

        Raises:
            WeightsMissing, EngineUnreachable: they are not to be had.
        """
        from qwen_audio_tools.engines.embedded import weights

        def tell(name: str, done: int, total: int) -> None:
            if progress:
                progress(f"fetching {name}", done, total)

        for name in names:
            if not (name == "whisper-base" and self._whisper):
                weights.folder(name, progress=tell)

    @property
    def encoder(self) -> "SentenceEncoder":
        """The sentence encoder that questions and quotes are compared with."""
        from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import shared_encoder

        return self._once("encoder", shared_encoder)

    @property
    def transcriber(self) -> "Transcriber":
        """The transcriber."""
        from qwen_audio_tools.engines.embedded.speech.transcription import Transcriber

        return self._once("transcriber", lambda: Transcriber(self._whisper or None))

    def words(
        self, windows: Iterable["SpeechWindow"], *, language: str | None, translate: bool = False
    ) -> Words:
        """Transcribe windows of speech as they come."""
        return self.transcriber.words(windows, language=language, translate=translate)

    def _once(self, name: str, make: Callable[[], Made]) -> Made:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            found: Made = self._made[name]
            return found

"""When each word was said: Qwen3's forced aligner, for words that are known already."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from qwen_audio_tools.decoding import RATE
from qwen_audio_tools.engines.base import Progress
from qwen_audio_tools.engines.families import ALIGNED
from qwen_audio_tools.engines.transformers.loading import (
    checkpoint,
    memory,
    model_loading,
    placement,
)
from qwen_audio_tools.engines.transformers.prompt import Sound
from qwen_audio_tools.errors import ClipTooLong, EngineRefused
from qwen_audio_tools.settings import Settings
from qwen_audio_tools.transcript import Segment

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.loading.model_loading import Loaded

ALIGNER = "Qwen/Qwen3-ForcedAligner-0.6B-hf"


class Aligner:
    """A loaded forced aligner. It invents no word: it gives those of a text their times.

    Safe to use from several threads.
    """

    def __init__(self, loaded: "Loaded") -> None:
        self._model, self._processor = loaded.model, loaded.processor
        self._using = threading.Lock()  # a call may change how the tokenizer pads the next one

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def align(self, sound: Sound, text: str, language: str | None = None) -> tuple[Segment, ...]:
        """Return a Segment for each word of a text that is said in a sound.

        Times are seconds of the sound, in steps of 80 ms; `language` is an ISO 639-1 code.

        Raises:
            ClipTooLong: the sound is longer than the aligner hears at once.
            EngineRefused: the aligner can't do that language, or lacks a package for it.
        """
        if sound.seconds > ALIGNED:
            raise ClipTooLong(
                f"{sound.name!r} lasts {sound.seconds:.1f} s; words are aligned in {ALIGNED:.0f} s"
            )
        if not text.strip():
            return ()
        inputs, (words,) = self._prepared(sound, text, language)
        if not words:
            return ()
        given = {
            name: value.to(self._model.device, self._model.dtype)
            if value.is_floating_point()
            else value.to(self._model.device)
            for name, value in inputs.items()
        }
        (found,) = self._processor.decode_forced_alignment(
            self._model(**given).logits,
            given["input_ids"],
            [words],
            self._model.config.timestamp_token_id,
        )
        return word_segments(found, sound.seconds, language)

    def _prepared(self, sound: Sound, text: str, language: str | None) -> tuple[Any, Any]:
        try:
            with self._using:
                inputs, words = self._processor.prepare_forced_aligner_inputs(
                    audio=[sound.samples],
                    transcript=[text],
                    language=language,
                    processor_kwargs={"audio_kwargs": {"sampling_rate": RATE}},
                )
            return inputs, words
        except (ValueError, ImportError) as error:
            raise EngineRefused(f"the words cannot be aligned: {str(error).strip()}") from error


def word_segments(
    words: Sequence[Mapping[str, Any]], seconds: float, language: str | None = None
) -> tuple[Segment, ...]:
    """Return what `decode_forced_alignment` gives as Segments, in order and within the clip."""
    segments: list[Segment] = []
    for word in words:
        least = segments[-1].start if segments else 0.0
        start = min(max(float(word["start_time"]), least), seconds)
        end = min(max(float(word["end_time"]), start), seconds)
        segments.append(Segment(start=start, end=end, text=word["text"], language=language))
    return tuple(segments)


def load_aligner(model: str, settings: Settings, progress: Progress | None = None) -> Aligner:
    """Load a forced aligner by its folder or its id on the hub.

    Raises:
        SettingsError: that is no checkpoint of the family.
        EngineOutOfMemory: it doesn't fit beside what is there.
        EngineError: its weights aren't here or are damaged.
    """
    found = checkpoint.fetched(checkpoint.find(model or ALIGNER, settings), settings, progress)
    family = replace(found.family, model_class="Qwen3ASRForTokenClassification")
    place = placement.place(settings, found.config)
    memory.check(found, place)
    return Aligner(model_loading.load(replace(found, family=family), place, progress))

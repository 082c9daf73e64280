"""One sound through a model's own processor and encoder: its tokens, and what they stand for."""

import inspect
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from qwen_audio_tools.decoding import at_rate
from qwen_audio_tools.engines.families import Family
from qwen_audio_tools.engines.transformers.prompt import Sound
from qwen_audio_tools.engines.transformers.reuse.kept import Kept
from qwen_audio_tools.errors import EngineRefused

_SLACK = 4
"""Tokens that rounding may take from what the duration demands."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """The ids that stand for a sound; `count` of them from `start` on are given by the encoder.

    Ids that are no audio token may stand among those (marks of time): they are embedded as text.
    """

    ids: tuple[int, ...]
    start: int
    count: int


class Ears:
    """Prepares and encodes sounds; safe to use from several threads.

    In `kept` are the ids of each sound, and its spectrogram until it is encoded: so that none is
    computed twice. `using` is held by whoever calls the processor or its tokenizer: a call may
    change how the next one pads, and tokenizers before 0.23 fail if it is under way already.
    """

    def __init__(self, model: Any, processor: Any, family: Family, kept: Kept) -> None:
        self._model, self._processor, self._family = model, processor, family
        self._audio_id = processor.tokenizer.convert_tokens_to_ids(processor.audio_token)
        self._takes = inspect.signature(model.model.get_audio_features).parameters
        self._kept = kept
        self.using = threading.Lock()

    def expansion(self, sound: Sound) -> Heard:
        """Return the ids that stand for a sound.

        Raises:
            EngineRefused: they are fewer than its duration demands: a part would not be heard.
        """
        found: Heard | None = self._kept.get(("ids", sound.key))
        if found is None:
            inputs = self._prepared(sound)
            found = self._checked(inputs["input_ids"][0].tolist(), sound)
            self._kept.put(("ids", sound.key), found, 8 * len(found.ids))
            self._kept.put(("inputs", sound.key), inputs, _size(inputs))
        return found

    def encode(self, sound: Sound, embed: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """Return what the language model hears of a sound, (count, width)."""
        heard = self.expansion(sound)
        inputs = self._kept.get(("inputs", sound.key)) or self._prepared(sound)
        self._kept.drop(("inputs", sound.key))
        device, dtype = self._model.device, self._model.dtype
        given = {
            name: value.to(device, dtype if value.is_floating_point() else None)
            for name, value in inputs.items()
            if name in self._takes
        }
        if "sample" in self._takes:  # noise on what is heard: never the same twice, else
            given["sample"] = False
        output = self._model.model.get_audio_features(**given, return_dict=True)
        features = output.get("pooler_output")
        if features is None:
            features = output.last_hidden_state
        features = features.reshape(-1, features.shape[-1])
        ids = torch.tensor(heard.ids[heard.start : heard.start + heard.count], device=device)
        places = ids == self._audio_id
        if int(places.sum()) != len(features):
            raise self._unheard(sound, int(places.sum()), len(features))
        if bool(places.all()):
            return features.to(dtype)
        embeddings = embed(ids[None])[0].clone()
        embeddings[places] = features.to(embeddings)
        return embeddings

    def _prepared(self, sound: Sound) -> Mapping[str, torch.Tensor]:
        rate = int(self._processor.feature_extractor.sampling_rate)
        samples = at_rate(sound.samples, rate)
        with self.using:
            inputs: Mapping[str, torch.Tensor] = self._processor(
                text=[self._processor.audio_token],
                audio=[samples],
                sampling_rate=rate,
                add_special_tokens=False,
                return_tensors="pt",
            )
        return inputs

    def _checked(self, ids: list[int], sound: Sound) -> Heard:
        places = [place for place, token in enumerate(ids) if token == self._audio_id]
        demanded = int(self._family.tokens_per_second * sound.seconds * 0.98) - _SLACK
        if len(places) < max(1, demanded):
            raise self._unheard(sound, demanded, len(places))
        once = {token: token for token in ids}  # so that equal ids are one number in memory
        return Heard(tuple(map(once.__getitem__, ids)), places[0], places[-1] - places[0] + 1)

    def _unheard(self, sound: Sound, demanded: int, found: int) -> EngineRefused:
        return EngineRefused(
            f"{sound.name!r} lasts {sound.seconds:.2f} s, which is {demanded} audio tokens, and "
            f"{self._family.example} would hear {found}",
            hint="qwa doctor: this version of transformers may not fit the model",
        )


def _size(inputs: Mapping[str, torch.Tensor]) -> int:
    return sum(value.nbytes for value in inputs.values())

"""Clips into what the model hears of them, each step once; and proof that nothing is left out."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen_audio_tools.engines.transformers.prompt import Prompt, Sound
from qwen_audio_tools.errors import EngineRefused

if TYPE_CHECKING:
    import torch

    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.transformers.adapter import Adapter
    from qwen_audio_tools.engines.transformers.reuse.kept import Kept
    from qwen_audio_tools.engines.transformers.reuse.prefixes import Prefixes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One conversation as the model reads it; `clips` and `sounds` are its audio, in order."""

    clips: "tuple[Clip, ...]"
    sounds: tuple[Sound, ...]
    prompt: Prompt
    warnings: tuple[str, ...]


def check(prompt: Prompt, sounds: Sequence[Sound], adapter: "Adapter") -> None:
    """Compare the audio tokens of a prompt with what its sounds' durations demand.

    Raises:
        EngineRefused: they differ, so that a part of the audio would not be heard.
    """
    if len(prompt.spans) != len(sounds):
        raise _unheard(f"{len(sounds)} clips were given, the model reads {len(prompt.spans)}")
    for span, sound in zip(prompt.spans, sounds, strict=True):
        demanded = adapter.audio_tokens(sound)
        if span.count != demanded:
            raise _unheard(
                f"{sound.name!r} lasts {sound.seconds:.2f} s, which is {demanded} audio tokens, "
                f"and the model would read {span.count}"
            )


def _unheard(message: str) -> EngineRefused:
    return EngineRefused(
        message, hint="qwa doctor: this version of transformers may not fit the model"
    )


class Hearing:
    """The encoder of one model and what it is kept with; safe to use from several threads."""

    def __init__(self, adapter: "Adapter", kept: "Kept", prefixes: "Prefixes") -> None:
        self._adapter, self._kept, self._prefixes = adapter, kept, prefixes
        # One after the other: a thread finds what another has just encoded.
        self._encoding = threading.Lock()

    def features(self, readings: Sequence[Reading], *, exact: bool) -> "Features":
        """Return what the language model hears of each sound, (tokens, width), by its key.

        `exact` encodes all sounds of the readings as one batch, known or not: in half precision
        the size of a batch may change how numbers are rounded.
        """
        return Features(self, readings, exact=exact)

    def encoded(
        self, key: str, readings: Sequence[Reading], *, exact: bool
    ) -> "dict[str, torch.Tensor]":
        """Return the features of the sound `key`, and of those that had to be encoded with it."""
        with self._encoding:
            if exact:
                return self._all(readings)
            kept = self._kept.get(("features", key))
            return {key: kept} if kept is not None else self._missing(key, readings)

    def _all(self, readings: Sequence[Reading]) -> "dict[str, torch.Tensor]":
        sounds = [sound for reading in readings for sound in reading.sounds]
        name = ("features", *(sound.key for sound in sounds))
        found: dict[str, torch.Tensor] | None = self._kept.get(name)
        if found is None:
            found = self._encode(sounds)
            self._kept.put(name, found, sum(features.nbytes for features in found.values()))
        return found

    def _missing(self, key: str, readings: Sequence[Reading]) -> "dict[str, torch.Tensor]":
        sounds = [
            sound
            for sound in self._unread(readings)
            if sound.key != key and ("features", sound.key) not in self._kept
        ]
        sounds += [s for reading in readings for s in reading.sounds if s.key == key][:1]
        found = self._encode(sounds)
        for name, features in found.items():
            self._kept.put(("features", name), features, features.nbytes)
        return found

    def _unread(self, readings: Sequence[Reading]) -> Iterator[Sound]:
        """Yield, each once, the sounds that stand beyond what is known of their prompts."""
        seen: set[str] = set()
        for reading in readings:
            if not reading.sounds:
                continue
            known, _ = self._prefixes.find(reading.prompt.keys)
            for span, sound in zip(reading.prompt.spans, reading.sounds, strict=True):
                if span.start + span.count > known and sound.key not in seen:
                    seen.add(sound.key)
                    yield sound

    def _encode(self, sounds: Sequence[Sound]) -> "dict[str, torch.Tensor]":
        found = {}
        for sound, features in zip(sounds, self._adapter.encode(sounds), strict=True):
            demanded = self._adapter.audio_tokens(sound)
            if len(features) != demanded:
                raise _unheard(
                    f"{sound.name!r} lasts {sound.seconds:.2f} s, which is {demanded} audio "
                    f"tokens, and the encoder gave {len(features)}"
                )
            found[sound.key] = features
        return found


class Features(Mapping[str, "torch.Tensor"]):
    """What the language model hears of each sound, encoded when it is first looked up.

    Where a prompt's audio is known from an earlier question nothing is encoded at all. The sounds
    of a batch that are not kept are encoded together.
    """

    def __init__(self, hearing: Hearing, readings: Sequence[Reading], *, exact: bool) -> None:
        self._hearing, self._readings, self._exact = hearing, readings, exact
        self._found: dict[str, torch.Tensor] = {}

    def __getitem__(self, key: str) -> "torch.Tensor":
        if key not in self._found:
            self._found.update(self._hearing.encoded(key, self._readings, exact=self._exact))
        return self._found[key]

    def __iter__(self) -> Iterator[str]:
        return iter({sound.key for reading in self._readings for sound in reading.sounds})

    def __len__(self) -> int:
        return len(set(self))

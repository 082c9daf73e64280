"""Proof that the model hears: as many audio tokens as the duration demands, and not one less."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from qwen_audio_tools.engines.transformers.prompt import Prompt, Sound
from qwen_audio_tools.errors import EngineRefused

if TYPE_CHECKING:
    import torch

    from qwen_audio_tools.engines.transformers.adapter import Adapter
    from qwen_audio_tools.engines.transformers.reuse.kept import Kept


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


class Features(Mapping[str, "torch.Tensor"]):
    """What the language model hears of each sound, encoded when it is first looked up.

    Where the prompt's audio is known from an earlier question nothing is encoded at all. The
    sounds of a batch that are not kept are encoded together.
    """

    def __init__(self, adapter: "Adapter", kept: "Kept", sounds: Sequence[Sequence[Sound]]) -> None:
        self._adapter, self._kept = adapter, kept
        self._sounds = {sound.key: sound for row in sounds for sound in row}
        self._found: dict[str, torch.Tensor] = {}

    def __getitem__(self, key: str) -> "torch.Tensor":
        if key not in self._found:
            self._found.update(self._looked_up(key))
        return self._found[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sounds)

    def __len__(self) -> int:
        return len(self._sounds)

    def _looked_up(self, key: str) -> "dict[str, torch.Tensor]":
        found = self._kept.get(("features", key))
        if found is not None:
            return {key: found}
        missing = [
            sound
            for other, sound in self._sounds.items()
            if other == key
            or (other not in self._found and self._kept.get(("features", other)) is None)
        ]
        encoded = dict(zip(missing, self._adapter.encode(missing), strict=True))
        for sound, features in encoded.items():
            demanded = self._adapter.audio_tokens(sound)
            if len(features) != demanded:
                raise _unheard(
                    f"{sound.name!r} lasts {sound.seconds:.2f} s, which is {demanded} audio "
                    f"tokens, and the encoder gave {len(features)}"
                )
            self._kept.put(("features", sound.key), features, features.nbytes)
        return {sound.key: features for sound, features in encoded.items()}

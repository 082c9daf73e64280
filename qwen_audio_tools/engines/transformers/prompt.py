"""Values that pass between the parts of this engine: what was heard, and what the model reads."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Samples


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A decoded clip, ready for the encoder.

    `key` names its content (hex); `samples` are float32, shape (n,), 16 kHz, with the stated
    padding in them; `seconds` is the clip's own length without it.
    """

    key: str
    samples: "Samples"
    seconds: float
    name: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AudioSpan:
    """Where the tokens of one sound stand in a prompt: `count` of them from `start` on."""

    start: int
    count: int
    key: str


@dataclass(frozen=True)
class Prompt:
    """Token ids with every audio placeholder expanded, and where the sounds stand in them."""

    ids: tuple[int, ...]
    spans: tuple[AudioSpan, ...] = ()

    @cached_property
    def keys(self) -> tuple[int, ...]:
        """One number a token: equal keys mean equal input, for audio tokens by their content.

        Two prompts whose keys begin alike share that part of the KV cache.
        """
        keys = list(self.ids)
        for span in self.spans:
            # 60 bits of a SHA-256; negative, so that no token id is equal to it.
            content = int(span.key[:15], 16)
            keys[span.start : span.start + span.count] = [
                -1 - hash((content, position)) % (1 << 61) for position in range(span.count)
            ]
        return tuple(keys)

    @property
    def audio_tokens(self) -> int:
        """How many of the tokens stand for audio."""
        return sum(span.count for span in self.spans)

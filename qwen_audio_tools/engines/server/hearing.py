"""Did the server hear the audio? Token counts prove it, or prove the contrary."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from qwen_audio_tools.engines.server.events import Counts
from qwen_audio_tools.engines.server.faults import Fault, Where
from qwen_audio_tools.engines.server.sounds import Sound
from qwen_audio_tools.errors import EngineRefused

_SHARE, _SLACK = 0.9, 3
"""Of the tokens that are known for a family: versions and providers count a little differently."""


class Verdict(Enum):
    """What token counts say about the audio of a prompt."""

    HEARD = "heard"
    UNHEARD = "unheard"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Demand:
    """What the audio of one prompt must take: `least` tokens; its texts take `texts` at most."""

    least: int
    texts: int

    @classmethod
    def of(cls, sounds: Sequence[Sound], rate: float, texts: Sequence[str]) -> "Demand":
        """Return what these sounds demand at `rate` tokens a second; 0 where it isn't known."""
        least = sum(
            max(1, math.floor(sound.seconds * rate * _SHARE) - _SLACK) if rate else 0
            for sound in sounds
        )
        # No tokenizer takes more than a token a byte; a template writes some around each turn.
        return cls(least, sum(len(text.encode()) for text in texts) + 32 * (len(texts) + 1))

    def verdict(self, counts: Counts) -> Verdict:
        """Judge by what the server counted: the audio tokens, or else all of the prompt.

        A 0 for the audio is what some write who don't count it, so it alone proves nothing.
        """
        if counts.audio:
            return Verdict.UNHEARD if counts.audio < self.least else Verdict.HEARD
        if counts.prompt is None or not self.least:
            return Verdict.UNSURE
        if counts.prompt < self.least:
            return Verdict.UNHEARD
        return Verdict.HEARD if self.least > self.texts else Verdict.UNSURE


def unheard(where: Where, counts: Counts, least: int) -> Fault:
    """Return the fault of a reply to a prompt whose audio was dropped or cut."""
    if counts.audio:
        told = f"{counts.audio} tokens of audio, and it demands {least}: a part was cut off"
    elif counts.prompt is not None and counts.prompt < least:
        told = f"{counts.prompt} tokens in all, and the audio alone demands {least}"
    else:
        told = "as many tokens with the audio as without it"
    error = EngineRefused(
        f"{where} did not hear the audio: it counted {told}",
        hint="is it a model that hears, and was the server started with its audio part?",
    )
    return Fault(error, elsewhere=True)

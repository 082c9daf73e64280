"""Does a decoded window make sense? Loops, cut-offs and invented words, told by cheap numbers.

The first thresholds are those of OpenAI's Whisper (`transcribe.py`); the rates are ours: a short
context makes the decoder loop now and then, and a loop speaks faster than people do.
"""

import zlib
from collections.abc import Sequence

from qwen_audio_tools.engines.embedded.speech.whisper_tokens import Piece

MAX_COMPRESSION = 2.4
MIN_LOG_PROBABILITY = -1.0
MAX_NO_SPEECH = 0.6
MAX_TOKENS = 220
"""What fits into Whisper's text context beside a prompt."""
TOKENS_PER_SECOND = 25
"""No language needs more Whisper tokens than this for a second of fast speech."""
_CHARACTERS_PER_SECOND = 45.0
_LOOP = 5  # so many times the same run of up to 8 tokens


def token_limit(seconds: float) -> int:
    """Return how many tokens a window of so many seconds may take: a loop ends there."""
    return min(MAX_TOKENS, 30 + int(TOKENS_PER_SECOND * seconds))


def makes_sense(
    pieces: Sequence[Piece], ids: Sequence[int], seconds: float, log_probability: float
) -> bool:
    """Tell whether words that were decoded from `seconds` of speech are believable."""
    text = " ".join(piece.text for piece in pieces)
    if not text.strip():
        return False
    if log_probability < MIN_LOG_PROBABILITY:
        return False
    if token_limit(seconds) < MAX_TOKENS and len(ids) >= token_limit(seconds):
        return False
    if any(_is_hasty(piece, seconds) for piece in pieces):
        return False
    return compression(text) <= MAX_COMPRESSION and not loops(ids)


def _is_hasty(piece: Piece, seconds: float) -> bool:
    """Tell whether nobody could say so much in so little time: a loop at the end of a window."""
    end = seconds if piece.end is None else piece.end
    return len(piece.text) > 12 + _CHARACTERS_PER_SECOND * max(0.0, end - piece.start)


def is_invented(no_speech: float, log_probability: float) -> bool:
    """Tell whether the model itself thinks that there is no speech under the words."""
    return no_speech > MAX_NO_SPEECH and log_probability < MIN_LOG_PROBABILITY


def compression(text: str) -> float:
    """Return how many times smaller the text gets: over 2.4, it repeats itself."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw))


def loops(ids: Sequence[int]) -> bool:
    """Tell whether a run of one to eight tokens comes five times in a row."""
    for size in range(1, 9):
        same = 0
        for at in range(size, len(ids)):
            same = same + 1 if ids[at] == ids[at - size] else 0
            if same >= size * (_LOOP - 1) and same >= 6:
                return True
    return False

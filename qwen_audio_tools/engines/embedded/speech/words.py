"""Words: what a pass of transcription found in a clip."""

from dataclasses import dataclass

from qwen_audio_tools.transcript import Segment, joined_text


@dataclass(frozen=True, slots=True)
class Words:
    """What was said: the segments, the language (ISO 639-1) and how sure that is, 0 to 1."""

    segments: tuple[Segment, ...] = ()
    language: str | None = None
    language_score: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All the words; without spaces between segments where the script has none."""
        return joined_text(self.segments, self.language)

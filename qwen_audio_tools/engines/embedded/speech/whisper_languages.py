"""Which language a recording is in: the first windows vote, a later one may differ clearly."""

from collections.abc import Mapping

from qwen_audio_tools.errors import SettingsError

_SHOWN = {"ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "ru", "zh"}
_VOTES = 3
_SURE = 0.8  # one window that is as sure as this needs no others
_LEAST_SECONDS = 2.0  # of speech, before a window may go its own way


class LanguageVote:
    """Sums what up to three windows heard, weighed by their seconds.

    `forced` is a language that the caller knows: then nobody votes.

    Raises:
        SettingsError: `forced` is none of `known`.
    """

    def __init__(self, known: frozenset[str], forced: str | None = None) -> None:
        if forced is not None and forced not in known:
            raise SettingsError(
                f"this Whisper has no language {forced!r}; allowed are codes such as"
                f" {', '.join(sorted(known & _SHOWN))}"
            )
        self.forced = forced
        self._totals: dict[str, float] = {}
        self._seconds = 0.0
        self._votes = 0

    def hear(self, probabilities: Mapping[str, float], seconds: float) -> None:
        """Count the vote of a window."""
        weight = max(seconds, 0.1)
        for code, probability in probabilities.items():
            self._totals[code] = self._totals.get(code, 0.0) + weight * probability
        self._seconds += weight
        self._votes += 1

    @property
    def is_decided(self) -> bool:
        """Whether more votes are not needed."""
        if self.forced or self._votes >= _VOTES:
            return True
        return self._votes > 0 and max(self._totals.values()) / self._seconds >= _SURE

    @property
    def main(self) -> str:
        """The language with the most votes."""
        return self.forced or max(self._totals, key=lambda code: self._totals[code])

    def of(self, probabilities: Mapping[str, float], seconds: float) -> tuple[str, float]:
        """Return the language to decode a window in, and how sure it is, 0 to 1."""
        if self.forced:
            return self.forced, 1.0
        own = max(probabilities, key=lambda code: probabilities[code])
        if own != self.main and probabilities[own] >= _SURE and seconds >= _LEAST_SECONDS:
            return own, probabilities[own]
        return self.main, probabilities.get(self.main, 0.0)

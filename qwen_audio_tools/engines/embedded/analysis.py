"""What the experts heard in one clip: one streaming pass, kept by content hash.

Only the experts that a question needs run, and only those that never heard this clip before.
Times in an `Analysis` count from the start of the clip.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.answer import Coverage
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.engines.embedded import analysis_cache
from qwen_audio_tools.engines.embedded.records import from_record, key_of, to_record
from qwen_audio_tools.engines.embedded.words import Words
from qwen_audio_tools.spans import Span

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.embedded.models import Models
    from qwen_audio_tools.engines.embedded.sound_scores import SoundScores
    from qwen_audio_tools.engines.embedded.speakers import SpeakerTurns
    from qwen_audio_tools.engines.embedded.speech_windows import SpeechWindow
    from qwen_audio_tools.engines.embedded.voice import VoiceTrack

BLOCK_SECONDS = 10.0


class Expert(StrEnum):
    """The experts that a pass can run."""

    SPEECH = "speech"  # where somebody speaks
    WORDS = "words"
    ENGLISH = "english"  # the words in English
    SOUNDS = "sounds"
    VOICE = "voice"
    SPEAKERS = "speakers"


@dataclass(slots=True, kw_only=True)
class Analysis:
    """All that is known of a clip; what no expert was asked about is None.

    `digest` names the clip's content; `coverage` counts from the clip's start.
    """

    name: str
    digest: str
    coverage: Coverage
    offset: float = 0.0
    speech: tuple[Span, ...] = ()
    words: Words = field(default_factory=Words)
    english: Words = field(default_factory=Words)
    sounds: "SoundScores | None" = None
    voice: "VoiceTrack | None" = None
    speakers: "SpeakerTurns | None" = None
    warnings: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Seconds that were heard."""
        return self.coverage.heard

    @property
    def speech_seconds(self) -> float:
        """Seconds of speech."""
        return sum(span.seconds for span in self.speech)


def analyse(
    clip: "Clip", wanted: frozenset[Expert], models: "Models", options: Options
) -> Analysis:
    """Return what the wanted experts say of a clip, from earlier passes where they heard it.

    Raises:
        ClipError: it can't be opened or decoded.
        EngineError: an expert failed or its weights are missing.
    """
    digest = clip.fingerprint
    found = _recall(digest, wanted, models, options)
    missing = frozenset(need for need in wanted if need not in found)
    if missing or "clip" not in found:
        missing |= {Expert.SPEECH}
        heard = _listen(clip, missing, models, options)
        if Expert.ENGLISH in missing:
            heard[Expert.ENGLISH] = _to_english(
                clip, heard.get(Expert.WORDS) or found[Expert.WORDS], models, options
            )
        for name, value in heard.items():
            analysis_cache.put(digest, key_of(name, models.whisper_name, options), to_record(name, value))
        analysis_cache.trim()
        found |= heard
    coverage, warnings = found.pop("clip")
    return Analysis(
        name=clip.name,
        digest=digest,
        coverage=coverage,
        offset=clip.start or 0.0,
        warnings=tuple(warnings),
        **{str(name): value for name, value in found.items()},
    )


def _recall(
    digest: str, wanted: frozenset[Expert], models: "Models", options: Options
) -> dict[str, Any]:
    """Return what earlier passes left of the wanted experts, speech and the clip's own facts."""
    found: dict[str, Any] = {}
    for name in ("clip", Expert.SPEECH, *wanted):
        record = analysis_cache.get(digest, key_of(name, models.whisper_name, options))
        if record is not None:
            found[name] = from_record(name, record)
    return found


def _listen(
    clip: "Clip", missing: frozenset[Expert], models: "Models", options: Options
) -> dict[str, Any]:
    """Run the missing experts over the clip in one pass of constant memory."""
    from qwen_audio_tools.engines.embedded.speech_windows import SpeechWindows

    cutter = SpeechWindows()
    meters = models.meters(missing)
    seconds = [0.0]

    def stream() -> Iterator["SpeechWindow"]:
        expected = clip.duration_hint or 0.0
        for block in clip.blocks(BLOCK_SECONDS):
            for meter in meters.values():
                meter.feed(block)
            yield from cutter.feed(block)
            seconds[0] += len(block) / 16_000
            if options.progress:
                options.progress("listening", seconds[0], max(expected, seconds[0]))
        yield from cutter.finish()

    heard: dict[str, Any] = {}
    if Expert.WORDS in missing:
        heard[Expert.WORDS] = models.words(stream(), language=options.language)
    else:
        for _ in stream():
            pass
    speech = cutter.activity.closed()
    heard[Expert.SPEECH] = speech
    for name, meter in meters.items():
        heard[name] = meter.finish(speech)
    heard["clip"] = (_coverage(clip, seconds[0]), clip.warnings)
    return heard


def _coverage(clip: "Clip", seconds: float) -> Coverage:
    """Return what was heard of the clip; a file that ends early leaves a gap at its end."""
    promised = clip.duration_hint or seconds
    # Headers are rounded and codecs pad: under half a second is no gap.
    whole = promised if promised - seconds > 0.5 else seconds
    return Coverage.of((Span(0.0, seconds),), Span(0.0, whole))


def _to_english(clip: "Clip", words: object, models: "Models", options: Options) -> Words:
    """Return the words in English; only speech in another language is heard again for it."""
    assert isinstance(words, Words)
    if words.language == "en" or not words.segments:
        return words
    from qwen_audio_tools.engines.embedded.speech_windows import SpeechWindows

    cutter = SpeechWindows()

    def stream() -> Iterator["SpeechWindow"]:
        for block in clip.blocks(BLOCK_SECONDS):
            yield from cutter.feed(block)
        yield from cutter.finish()

    return models.words(stream(), language=words.language, translate=True)

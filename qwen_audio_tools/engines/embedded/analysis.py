"""What the experts heard in one clip: one streaming pass, kept by content hash.

Only the experts that a question needs run, and only those that never heard this clip before.
Times in an `Analysis` count from the start of the clip.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.answer import Coverage
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.engines.embedded import analysis_cache
from qwen_audio_tools.engines.embedded.records import from_record, key_of, to_record
from qwen_audio_tools.engines.embedded.speech.speech_windows import SpeechWindow, SpeechWindows
from qwen_audio_tools.engines.embedded.speech.words import Words
from qwen_audio_tools.spans import Span

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.embedded.models import Meter, Models
    from qwen_audio_tools.engines.embedded.sounds.sound_scores import SoundScores
    from qwen_audio_tools.engines.embedded.voices.speakers import SpeakerTurns
    from qwen_audio_tools.engines.embedded.voices.voice_meter import VoiceTrack

BLOCK_SECONDS = 10.0
ONE_WINDOW = 20.0  # seconds that are surely transcribed at once


class Expert(StrEnum):
    """The experts that a pass can run."""

    SPEECH = "speech"  # where somebody speaks
    WORDS = "words"
    ENGLISH = "english"  # the words in English
    SOUNDS = "sounds"
    VOICE = "voice"
    SPEAKERS = "speakers"


WEIGHTS = {
    Expert.WORDS: "whisper-base",
    Expert.SOUNDS: "yamnet",
    Expert.SPEAKERS: "speaker-encoder",
}


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
    def coverage_in_recording(self) -> Coverage:
        """The coverage with its gaps in seconds of the recording."""
        gaps = (Span(gap.start + self.offset, gap.end + self.offset) for gap in self.coverage.gaps)
        return replace(self.coverage, gaps=tuple(gaps))

    @property
    def speech_seconds(self) -> float:
        """Seconds of speech."""
        return sum(span.seconds for span in self.speech)


def check(clip: "Clip", models: "Models") -> None:
    """Refuse a clip that can't be opened before any model is fetched or loaded for it.

    A clip that was heard before is known to be fine, and isn't opened.

    Raises:
        ClipError: what is wrong with it.
    """
    known = analysis_cache.get(clip.fingerprint, key_of("clip", models.whisper_name, Options()))
    if known is None:
        clip.info  # noqa: B018 (reading the header is the check)


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
        models.fetch([name for need, name in WEIGHTS.items() if need in missing], options.progress)
        heard = _listen(clip, missing, models, options)
        known = found | heard
        if Expert.ENGLISH in missing:
            heard[Expert.ENGLISH] = _to_english(clip, known[Expert.WORDS], models, options)
        if Expert.SPEAKERS in missing:
            heard[Expert.SPEAKERS] = _tell_speakers(clip, known[Expert.SPEECH], options)
        for name, value in heard.items():
            analysis_cache.put(
                digest, key_of(name, models.whisper_name, options), to_record(name, value)
            )
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
    meters = _meters(missing)
    cutter = SpeechWindows()
    stream = _windows(clip, cutter, meters.values(), options)
    heard: dict[str, Any] = {}
    if Expert.WORDS in missing:
        models.transcriber.warm(many=(clip.duration_hint or 0.0) > ONE_WINDOW)
        heard[Expert.WORDS] = models.words(stream, language=options.language)
    else:
        for _ in stream:
            pass
    heard[Expert.SPEECH] = cutter.activity.closed()
    heard |= {name: meter.finish() for name, meter in meters.items()}
    heard["clip"] = (_coverage(clip, cutter.seconds), clip.warnings)
    return heard


def _meters(missing: frozenset[Expert]) -> dict[Expert, "Meter"]:
    meters: dict[Expert, Meter] = {}
    if Expert.SOUNDS in missing:
        from qwen_audio_tools.engines.embedded.sounds.sound_meter import SoundMeter

        meters[Expert.SOUNDS] = SoundMeter()
    if Expert.VOICE in missing:
        from qwen_audio_tools.engines.embedded.voices.voice_meter import VoiceMeter

        meters[Expert.VOICE] = VoiceMeter()
    return meters


def _windows(
    clip: "Clip", cutter: SpeechWindows, meters: Iterable["Meter"], options: Options
) -> Iterator[SpeechWindow]:
    """Let the meters hear the clip block by block, and yield its windows of speech."""
    whole = clip.info.duration if options.progress else None
    for block in clip.blocks(BLOCK_SECONDS):
        for meter in meters:
            meter.feed(block)
        yield from cutter.feed(block)
        if options.progress:
            options.progress("listening", cutter.seconds, max(whole or 0.0, cutter.seconds))
    yield from cutter.finish()


def _tell_speakers(clip: "Clip", speech: Sequence[Span], options: Options) -> Any:
    # A second pass: which windows of a voice to compare follows from all of the speech.
    from qwen_audio_tools.engines.embedded.voices.speakers import SpeakerMeter

    meter = SpeakerMeter(speech)
    for number, block in enumerate(clip.blocks(BLOCK_SECONDS), start=1):
        meter.feed(block)
        if options.progress:
            done = min(number * BLOCK_SECONDS, clip.duration)
            options.progress("telling voices apart", done, clip.duration)
    return meter.finish()


def _coverage(clip: "Clip", seconds: float) -> Coverage:
    """Return what was heard of the clip; a file that ends early leaves a gap at its end."""
    promised = clip.duration_hint or seconds
    # Headers are rounded and codecs pad: under half a second is no gap.
    whole = promised if promised - seconds > 0.5 else seconds
    return Coverage.of((Span(0.0, seconds),), Span(0.0, whole))


def _to_english(clip: "Clip", words: Words, models: "Models", options: Options) -> Words:
    """Return the words in English; only speech in another language is heard again for it."""
    if words.language == "en" or not words.segments:
        return words
    stream = _windows(clip, SpeechWindows(), (), options)
    return models.words(stream, language=words.language, translate=True)

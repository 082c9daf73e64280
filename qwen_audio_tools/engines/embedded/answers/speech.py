"""Write answers about what was said: the words, in English, their language and gist, quotes."""

from collections.abc import Iterable

from qwen_audio_tools.answer import Evidence
from qwen_audio_tools.engines.embedded.analysis import Analysis
from qwen_audio_tools.engines.embedded.answers.languages import language_name
from qwen_audio_tools.engines.embedded.answers.phrases import Say
from qwen_audio_tools.engines.embedded.answers.written import Asked, Written
from qwen_audio_tools.engines.embedded.speech.words import Words
from qwen_audio_tools.quoting.quotes import Quote, key_sentences, nearest, quotes
from qwen_audio_tools.transcript import Segment

MODEL = "whisper"
SURE_OF_LANGUAGE = 0.7
SHORT = 160  # characters that need no summary


def write_transcript(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Give the words as they were said."""
    if missing := _without_words(heard, say):
        return missing
    return Written(
        heard.words.text,
        (language_evidence(heard.words), *speech_evidence(heard.words.segments)),
        heard.words.warnings,
    )


def write_translation(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Give the words in English, beside the words as they were said."""
    if missing := _without_words(heard, say):
        return missing
    original = speech_evidence(heard.words.segments)
    if heard.words.language == "en":
        return Written(
            say("already_english", text=heard.words.text),
            (language_evidence(heard.words), *original),
            heard.words.warnings,
        )
    english = tuple(
        Evidence(
            kind="translation",
            text=segment.text.strip(),
            start=segment.start,
            end=segment.end,
            score=segment.confidence,
            model=MODEL,
        )
        for segment in heard.english.segments
    )
    return Written(
        say("translation", text=heard.english.text),
        (language_evidence(heard.words), *english, *_as_kind(original, "original")),
        heard.words.warnings,
    )


def write_language(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Name the language of the speech and how sure that is."""
    if missing := _without_words(heard, say):
        return missing
    words = heard.words
    name = language_name(words.language, chinese=say.language == "zh")
    key = "language" if words.language_score >= SURE_OF_LANGUAGE else "language_unsure"
    text = say(key, name=name, percent=min(99, round(100 * words.language_score)))
    return Written(text, (language_evidence(words), *speech_evidence(words.segments[:3])))


def write_summary(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Give the gist in the speakers' own words: extracts, never rewritten prose."""
    if missing := _without_words(heard, say):
        return missing
    if len(heard.words.text) <= SHORT:
        text = say("whole_is_short", text=heard.words.text)
        return Written(text, speech_evidence(heard.words.segments))
    chosen = key_sentences(heard.words.segments, limit=5, encode=asked.encoder.encode)
    lines = [say("extract"), *(f"- {_quoted(quote, say)}" for quote in chosen)]
    return Written("\n".join(lines), quote_evidence(chosen), limited=True)


def write_quotes(heard: Analysis, asked: Asked, say: Say) -> Written:
    """Answer an open question by quoting the sentences that bear on it, or say that none does."""
    if missing := _without_words(heard, say):
        return missing
    found = quotes(asked.text, heard.words.segments, limit=3, encode=asked.encoder.encode)
    if not found:
        near = nearest(asked.text, heard.words.segments, limit=2, encode=asked.encoder.encode)
        lines = [say("not_said"), *(_quoted(quote, say) for quote in near)]
        return Written("\n".join(lines), _as_kind(quote_evidence(near), "near"), limited=True)
    lines = [_quoted(quote, say) for quote in found]
    if asked.route.yes_no:
        lines.insert(0, say("cant_judge", score=f"{found[0].score:.2f}"))
    return Written("\n".join(lines), quote_evidence(found), limited=asked.route.yes_no)


def speech_evidence(segments: Iterable[Segment]) -> tuple[Evidence, ...]:
    """Return segments of speech as evidence."""
    return tuple(
        Evidence(
            kind="speech",
            text=segment.text.strip(),
            start=segment.start,
            end=segment.end,
            score=segment.confidence,
            model=MODEL,
        )
        for segment in segments
    )


def quote_evidence(found: Iterable[Quote]) -> tuple[Evidence, ...]:
    """Return quotes as evidence, in order of time; their score is the nearness in meaning.

    Only measured times are evidence: a sentence within a segment gets the times of the segment.
    """
    return tuple(
        Evidence(
            kind="speech",
            text=quote.text,
            start=quote.segment.start if quote.interpolated else quote.start,
            end=quote.segment.end if quote.interpolated else quote.end,
            score=quote.score,
            model=MODEL,
        )
        for quote in sorted(found, key=lambda quote: quote.start)
    )


def language_evidence(words: Words) -> Evidence:
    """Return the language that was recognised."""
    return Evidence(
        kind="language", text=words.language or "", score=words.language_score, model=MODEL
    )


def _quoted(quote: Quote, say: Say) -> str:
    speaker = quote.segment.speaker
    return say(
        "quote",
        speaker=f"{speaker}: " if speaker else "",
        text=quote.text,
        time=("≈ " if quote.interpolated else "") + say.at(quote.start, quote.end),
    )


def _without_words(heard: Analysis, say: Say) -> Written | None:
    """Return what to say when there are no words to answer from."""
    if not heard.speech:
        return Written(say("no_speech", seconds=f"{heard.duration:.1f}"))
    if not heard.words.segments:
        times = say.join(say.at(span.start, span.end) for span in heard.speech[:3])
        return Written(say("no_words", times=times))
    return None


def _as_kind(items: Iterable[Evidence], kind: str) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            kind=kind,
            text=item.text,
            start=item.start,
            end=item.end,
            score=item.score,
            model=item.model,
        )
        for item in items
    )

"""A recording from its start to its end as passages: each is there as soon as it was heard.

What loaders and readers make Documents of. Memory stays constant, however long the recording: an
engine without a window of its own gets it in stretches that end at pauses.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from qwen_audio_tools.answer import Answer, Evidence
from qwen_audio_tools.asking import ask, ask_in_pieces, ask_questions
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.engines.base import Delta, Engine, Options
from qwen_audio_tools.parts import parts
from qwen_audio_tools.spans import Span
from qwen_audio_tools.tasks import TASKS, Ability, read_transcript
from qwen_audio_tools.transcript import Segment, joined_text

STRETCH = 300.0
"""Seconds that an engine which hears all at once is given at a time."""
WINDOW = 30.0


class Grain(StrEnum):
    """What a passage is: a segment of speech, a window with all that is heard, or the recording."""

    SEGMENT = "segment"
    WINDOW = "window"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What was heard from `start` to `end`, in seconds of the recording; `index` counts from 0.

    `text` is what was said. `sounds` and `emotion` are told for windows, as far as the engine can.
    `warnings` say what of it is unsure or was not heard.
    """

    index: int
    start: float
    end: float
    text: str
    speaker: str | None = None
    language: str | None = None
    sounds: tuple[str, ...] = ()
    emotion: str | None = None
    model: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def described(self) -> str:
        """The words, and below them the sounds and the emotion, for an index of texts."""
        lines = [self.text] if self.text else []
        if self.sounds:
            lines.append(f"Sounds: {', '.join(self.sounds)}")
        if self.emotion:
            lines.append(f"Emotion: {self.emotion}")
        return "\n".join(lines)


def passages(
    clip: Clip,
    *,
    engine: Engine,
    grain: Grain = Grain.SEGMENT,
    options: Options | None = None,
    speakers: bool = False,
    window: float = WINDOW,
) -> Iterator[Passage]:
    """Yield the passages of a recording in order of time; closing the iterator stops the engine.

    `window` is the longest window in seconds. With `speakers` segments name who speaks; an engine
    that hears all at once then hears all of it before the first one comes.

    Raises:
        ClipError, EngineError: as `ask`.
    """
    options = options or Options()
    if grain is Grain.WINDOW:
        yield from _windows(clip, engine, options, min(window, engine.info.window))
        return
    task = "transcribe+speakers" if speakers else "transcribe"
    found = _segments(clip, engine, replace(options, task=task))
    if grain is Grain.SEGMENT:
        yield from found
        return
    yield _joined(clip, engine, list(found))


def _segments(clip: Clip, engine: Engine, options: Options) -> Iterator[Passage]:
    index = 0
    for heard in _stretches(clip, engine, options):
        untold: list[str] = []
        pieces = ask_in_pieces(heard, engine=engine, options=options)
        for delta in _by_part(pieces):
            untold += delta.warnings
            for passage in _spoken(delta, heard, engine, index):
                yield replace(passage, warnings=tuple(untold))
                untold = []
                index = passage.index + 1
        if untold:  # what is known of a stretch without words must be told all the same
            span = Span(heard.start or 0.0, (heard.start or 0.0) + heard.duration)
            yield Passage(
                index=index, start=span.start, end=span.end, text="", warnings=tuple(untold)
            )
            index += 1


def _stretches(clip: Clip, engine: Engine, options: Options) -> Iterator[Clip]:
    """Yield what the engine is given at a time: all of it where it cuts windows itself.

    Voices are told apart in the whole recording, or labels would change from stretch to stretch.
    """
    if engine.info.window <= STRETCH or "speakers" in (options.task or ""):
        yield clip
        return
    yield from (part.clip for part in parts(clip, STRETCH))


def _by_part(pieces: Iterator[Delta]) -> Iterator[Delta]:
    """Yield the deltas, each part's evidence with the text that came before it."""
    text = ""
    for delta in pieces:
        text += delta.text
        if delta.evidence or delta.coverage is not None:
            yield replace(delta, text=text)
            text = ""
        elif delta.warnings:
            yield replace(delta, text="")
    if text:
        yield Delta(text=text)


def _spoken(delta: Delta, heard: Clip, engine: Engine, index: int) -> Iterator[Passage]:
    answer = Answer(text=delta.text, evidence=delta.evidence)
    transcript = read_transcript(answer)
    for number, each in enumerate(transcript.segments, start=index):
        yield Passage(
            index=number,
            start=each.start,
            end=each.end,
            text=each.text.strip(),
            speaker=each.speaker,
            language=each.language or transcript.language,
            model=engine.info.label,
        )
    timed = Ability.TIMES in engine.info.abilities
    if not transcript.segments and delta.text.strip() and not timed:
        start = heard.start or 0.0
        yield Passage(
            index=index,
            start=start,
            end=start + heard.duration,
            text=delta.text.strip(),
            model=engine.info.label,
        )


def _windows(clip: Clip, engine: Engine, options: Options, longest: float) -> Iterator[Passage]:
    for index, part in enumerate(parts(clip, longest)):
        answers = _heard(part.clip, engine, options)
        evidence = [item for answer in answers.values() for item in answer.evidence]
        words = answers["transcribe"]
        transcript = read_transcript(words)
        sounds = answers.get("sound_events")
        emotion = answers.get("emotion")
        yield Passage(
            index=index,
            start=part.span.start,
            end=part.span.end,
            text=transcript.text or _bare(words, evidence),
            language=transcript.language,
            sounds=_sounds(sounds),
            emotion=emotion.text.strip() if emotion and emotion.text.strip() else None,
            model=engine.info.label,
            warnings=tuple(
                dict.fromkeys(warning for answer in answers.values() for warning in answer.warnings)
            ),
        )


def _heard(clip: Clip, engine: Engine, options: Options) -> dict[str, Answer]:
    """Return an answer for each of the tasks of a window that the engine can do."""
    able = [
        name
        for name in ("transcribe", "sound_events", "emotion")
        if TASKS[name].needs <= engine.info.abilities
    ] or ["transcribe"]
    if Ability.CHAT in engine.info.abilities:  # all at once: the audio is read once
        words = [TASKS[name].instruct for name in able]
        found = ask_questions(clip, words, engine=engine, options=options)
        return dict(zip(able, found, strict=True))
    return {name: ask(clip, engine=engine, options=replace(options, task=name)) for name in able}


def _bare(words: Answer, evidence: list[Evidence]) -> str:
    from qwen_audio_tools.preambles import without_preamble

    # An engine that tells times had its say in evidence: what it writes beside is no speech.
    timed = any(item.kind not in ("heard", "note") for item in evidence)
    return "" if timed else without_preamble(words.text).strip()


def _sounds(answer: Answer | None) -> tuple[str, ...]:
    if answer is None:
        return ()
    named = [item.text for item in answer.evidence if item.kind == "sound"]
    if named:
        return tuple(dict.fromkeys(named))
    chatted = any(item.kind in ("heard", "note") for item in answer.evidence)
    return (answer.text.strip(),) if chatted and answer.text.strip() else ()


def _joined(clip: Clip, engine: Engine, found: list[Passage]) -> Passage:
    start = clip.start or 0.0
    languages = [each.language for each in found if each.language]
    language = max(languages, key=languages.count, default=None)
    spoken = [f"{each.speaker}: {each.text}" if each.speaker else each.text for each in found]
    warnings = dict.fromkeys(warning for each in found for warning in each.warnings)
    texts = "\n".join(spoken) if any(each.speaker for each in found) else None
    return Passage(
        index=0,
        start=start,
        end=start + clip.duration,
        text=texts if texts is not None else joined_text(map(_segment, found), language),
        language=language,
        model=engine.info.label,
        warnings=tuple(warnings),
    )


def _segment(passage: Passage) -> Segment:
    return Segment(start=passage.start, end=passage.end, text=passage.text)

"""Answer about recordings longer than an engine's window: map over parts, then reduce.

Every second goes into exactly one part's answer; what the engine says of each keeps its time. The
reducing turn sees only notes, quoted as data, so it can't be steered by what was heard.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from qwen_audio_tools import verbatim
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Conversation, clips, question, user
from qwen_audio_tools.engines.base import Delta, Engine, Options, join, run_many
from qwen_audio_tools.notes import NOTHING, Note, as_evidence, take_notes
from qwen_audio_tools.parts import Part
from qwen_audio_tools.reducing import condensed, history, listed, reduction
from qwen_audio_tools.spans import clock
from qwen_audio_tools.tasks import Ability

_MAP = (
    "{question}\n\nThis is the part from {start} to {end} of a longer recording. "
    f"If nothing in it bears on the question, answer {NOTHING}."
)
_SPOKEN = (
    "Write down what is said in this audio, word for word. If nobody speaks, say what is heard."
)
"""What a part of a turn without words is asked: only the whole of it can be replied to."""


def reply_in_windows(
    engine: Engine, conversation: Conversation, options: Options
) -> Iterator[Delta]:
    """Yield the deltas of an answer, in parts where a clip exceeds `engine.info.window`.

    Raises:
        SettingsError: a JSON schema for a transcript of several parts.
        QwenAudioError: as the engine.
    """
    word_for_word = verbatim.is_verbatim(options.task)
    if not fits(engine, clips(conversation)):
        how = verbatim.write_down if word_for_word else _map_and_reduce
        yield from how(engine, conversation, options)
    elif word_for_word and Ability.CHAT in engine.info.abilities and options.schema is None:
        yield from verbatim.bare(engine.reply(conversation, options))
    else:
        yield from engine.reply(conversation, options)


def answers_in_windows(
    engine: Engine, heard: Sequence[Clip], questions: Sequence[str], options: Options
) -> list[Answer]:
    """Return the answers to several questions about the same clips, asked at once.

    Of a long recording each part is asked all of them before the next one is heard.
    """
    asked: list[Conversation] = [[user(*heard, each)] for each in questions]
    if fits(engine, heard):
        return _in_order(engine, asked, options)
    notes: list[list[Note]] = [[] for _ in asked]
    about = partial(_about, engine)
    for found in take_notes(
        engine, heard, lambda part: [about(each, part) for each in asked], options
    ):
        for own, note in zip(notes, found, strict=True):
            own.append(note)
    texts = _reduced(engine, asked, notes, options)
    return [
        join([*(as_evidence(note, "note") for note in own), text], engine.info)
        for own, text in zip(notes, texts, strict=True)
    ]


def fits(engine: Engine, heard: Sequence[Clip]) -> bool:
    """Whether the engine hears each of the clips at once."""
    limit = engine.info.window
    return limit == float("inf") or all(clip.duration <= limit for clip in heard)


def _map_and_reduce(
    engine: Engine, conversation: Conversation, options: Options
) -> Iterator[Delta]:
    notes: list[Note] = []
    about = partial(_about, engine, conversation)
    for (note,) in take_notes(engine, clips(conversation), lambda part: [about(part)], options):
        notes.append(note)
        yield as_evidence(note, "note")
    if Ability.CHAT not in engine.info.abilities:
        yield Delta(text=listed(notes))
        return
    short = condensed(engine, notes, question(conversation), options)
    for delta in engine.reply(reduction(conversation, short), options):
        yield replace(delta, evidence=(), coverage=None, task="")


def _about(engine: Engine, conversation: Conversation, part: Part) -> Conversation:
    """Return what is asked of one part."""
    asked = question(conversation)
    if Ability.CHAT not in engine.info.abilities:  # it knows its own prompts only
        return [user(part.clip, asked)] if asked else [user(part.clip)]
    start, end = (clock(second) for second in part.span)
    words = _MAP.format(question=asked, start=start, end=end) if asked else _SPOKEN
    return [*history(conversation), user(part.clip, words)]


def _reduced(
    engine: Engine,
    asked: Sequence[Conversation],
    notes: Sequence[Sequence[Note]],
    options: Options,
) -> list[Delta]:
    if Ability.CHAT not in engine.info.abilities:
        return [Delta(text=listed(own)) for own in notes]
    turns = [
        reduction(each, condensed(engine, own, question(each), options))
        for each, own in zip(asked, notes, strict=True)
    ]
    return [
        Delta(text=answer.text, usage=answer.usage, warnings=answer.warnings, finish=answer.finish)
        for answer in _in_order(engine, turns, options)
    ]


def _in_order(
    engine: Engine, conversations: Sequence[Conversation], options: Options
) -> list[Answer]:
    found = dict(run_many(engine, conversations, options))
    return [found[index] for index in range(len(conversations))]

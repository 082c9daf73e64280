"""Ask a question of one clip or many; the strategy for recordings of any length is `long_audio`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from qwen_audio_tools.addressing import check, warnings_about, words_for
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Conversation, Part, user
from qwen_audio_tools.engines import open_engine
from qwen_audio_tools.engines.base import Delta, Engine, EngineInfo, Options, join
from qwen_audio_tools.errors import Cancelled, EngineUnsupported, QwenAudioError, SettingsError
from qwen_audio_tools.long_audio import answers_in_windows, reply_in_windows
from qwen_audio_tools.tasks import Ability, read_transcript
from qwen_audio_tools.transcript import Segment, Transcript
from qwen_audio_tools.verbatim import is_verbatim


def ask(
    clips: Clip | Sequence[Clip],
    question: str = "",
    *,
    engine: Engine | str = "auto",
    options: Options | None = None,
) -> Answer:
    """Ask one question of one clip, or of several clips together.

    With `options.task` the question may be empty; without both it is voice chat, for engines
    that converse. Recordings longer than the engine's window are heard in windows.

    Raises:
        ClipError: a clip can't be opened or decoded.
        EngineUnsupported: the engine lacks an ability that the task needs.
        EngineError: the engine could not answer.
    """
    opened = open_engine(engine) if isinstance(engine, str) else engine
    chosen = _several(clips)
    whole = replace(options or Options(), whole=True)
    pieces = ask_in_pieces(chosen, question, engine=opened, options=whole)
    return _labelled(join(pieces, opened.info), chosen, question, options)


def ask_in_pieces(
    clips: Clip | Sequence[Clip],
    question: str = "",
    *,
    engine: Engine | str = "auto",
    options: Options | None = None,
) -> Iterator[Delta]:
    """Ask as `ask` does, and yield the answer as it comes; closing the iterator stops it.

    Raises:
        ClipError, EngineError: as `ask`.
    """
    opened = open_engine(engine) if isinstance(engine, str) else engine
    options = options or Options()
    chosen = _several(clips)
    check(opened.info, [question], options)
    words = question or words_for(opened.info, options)
    parts: tuple[Part, ...] = (*chosen, words) if words else chosen
    if warnings := warnings_about(opened.info, question, options):
        yield Delta(warnings=warnings)
    yield from reply_in_windows(opened, [user(*parts)], options)


def ask_questions(
    clips: Clip | Sequence[Clip],
    questions: Sequence[str],
    *,
    engine: Engine | str = "auto",
    options: Options | None = None,
) -> list[Answer]:
    """Ask several questions of the same clip or clips, at once where the engine can.

    The audio is heard once for all of them. The answers come in the order of the questions.

    Raises:
        SettingsError: a question is empty.
        ClipError, EngineError: as `ask`; the first failure ends it.
    """
    opened = open_engine(engine) if isinstance(engine, str) else engine
    options = options or Options()
    chosen = _several(clips)
    if not all(question.strip() for question in questions):
        raise SettingsError(f"one of the questions is empty: {list(questions)!r}")
    check(opened.info, questions, options)
    if is_verbatim(options.task):
        return [ask(chosen, each, engine=opened, options=options) for each in questions]
    answers = answers_in_windows(opened, chosen, questions, options)
    return [
        _labelled(answer, chosen, question, options)
        for answer, question in zip(answers, questions, strict=True)
    ]


def ask_many(
    clips: Iterable[Clip],
    question: str = "",
    *,
    engine: Engine | str = "auto",
    options: Options | None = None,
) -> Iterator[tuple[int, Answer | QwenAudioError]]:
    """Ask the same question of many clips, each on its own; yield (index, answer or error).

    One clip that fails does not stop the others; a cancellation does.
    """
    opened = open_engine(engine) if isinstance(engine, str) else engine
    for index, clip in enumerate(clips):
        try:
            yield index, ask(clip, question, engine=opened, options=options)
        except Cancelled:
            raise
        except QwenAudioError as error:
            yield index, error


def converse(
    conversation: Conversation,
    *,
    engine: Engine | str = "auto",
    options: Options | None = None,
) -> Iterator[Delta]:
    """Answer the last turn of a conversation, piece by piece; closing the iterator stops it.

    A turn of clips alone is voice chat, with text it is audio analysis. Clips longer than the
    engine's window are heard in windows. `engines.base.join` makes an Answer of the pieces.

    Raises:
        EngineUnsupported: the engine does not converse.
        ClipError, EngineError: as `ask`.
    """
    opened = open_engine(engine) if isinstance(engine, str) else engine
    check_converses(conversation, opened)
    return reply_in_windows(opened, conversation, options or Options())


def check_converses(conversation: Conversation, engine: Engine) -> None:
    """Refuse a conversation that has no turn to answer, or an engine that holds none.

    Raises:
        EngineUnsupported, SettingsError: one of the two.
    """
    if Ability.CHAT not in engine.info.abilities:
        raise EngineUnsupported(
            f"engine {engine.info.label!r} holds no conversation; it answers single questions",
            hint="qwa engines",
        )
    if not conversation or conversation[-1].role != "user":
        raise SettingsError("the conversation does not end with a turn of the user")


def transcribe(
    clip: Clip,
    *,
    engine: Engine | str = "auto",
    options: Options | None = None,
    translate: bool = False,
    speakers: bool = False,
) -> tuple[Transcript, Answer]:
    """Return what was said with its times, and the answer that it was read from.

    `translate` gives the words in English; `speakers` labels each segment with who speaks. From an
    engine that tells no times it is one segment as long as the clip.

    Raises:
        ClipError, EngineError: as `ask`.
    """
    name = "translate" if translate else "transcribe"
    wanted = f"{name}+speakers" if speakers else name
    opened = open_engine(engine) if isinstance(engine, str) else engine
    answer = ask(clip, engine=opened, options=replace(options or Options(), task=wanted))
    return transcript_in(answer, clip, opened.info), answer


def transcript_in(answer: Answer, clip: Clip, info: EngineInfo) -> Transcript:
    """Return the transcript of a clip that was asked for its words.

    From an engine that tells no times it is one segment as long as the clip.
    """
    transcript = read_transcript(answer)
    words = answer.text.strip()
    if transcript.segments or not words or Ability.TIMES in info.abilities:
        return transcript
    start = clip.start or 0.0
    whole = Segment(start=start, end=start + answer.coverage.total, text=words)
    return replace(transcript, segments=(whole,))


def _several(clips: Clip | Sequence[Clip]) -> tuple[Clip, ...]:
    chosen = tuple([clips] if isinstance(clips, Clip) else clips)
    if not chosen:
        raise SettingsError("no clip was given to ask about")
    return chosen


def _labelled(
    answer: Answer, clips: Sequence[Clip], question: str, options: Options | None
) -> Answer:
    heading = ", ".join(clip.name for clip in clips)
    task = answer.task or (options and options.task) or ""
    return replace(answer.asked(clip=heading, question=question), task=task)

"""Ask a question of one clip or many; the strategy for recordings of any length is `long_audio`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Conversation, Part, user
from qwen_audio_tools.engines import open_engine
from qwen_audio_tools.engines.base import Delta, Engine, EngineInfo, Options, join
from qwen_audio_tools.errors import Cancelled, EngineUnsupported, QwenAudioError, SettingsError
from qwen_audio_tools.long_audio import reply_in_windows
from qwen_audio_tools.tasks import Ability, Task, read_transcript, tasks_named
from qwen_audio_tools.transcript import Segment, Transcript


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
    chosen = tuple([clips] if isinstance(clips, Clip) else clips)
    options = options or Options()
    opened = open_engine(engine) if isinstance(engine, str) else engine
    if not chosen:
        raise SettingsError("no clip was given to ask about")
    words = question
    if options.task:
        check_abilities(tasks_named(options.task), opened.info)
        if not question and "question" in options.task.split("+"):
            raise SettingsError("the task 'question' needs a question", hint="qwa tasks")
        # A model that chats needs the task in words; others go by its name.
        chats = Ability.CHAT in opened.info.abilities
        words = question or (_own_words(options.task) if chats else "")
    parts: tuple[Part, ...] = (*chosen, words) if words else chosen
    deltas = reply_in_windows(opened, [user(*parts)], options)
    answer = join(deltas, opened.info)
    heading = ", ".join(clip.name for clip in chosen)
    task = answer.task or options.task or ""
    return replace(answer.asked(clip=heading, question=question), task=task)


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
    if Ability.CHAT not in opened.info.abilities:
        raise EngineUnsupported(
            f"engine {opened.info.label!r} holds no conversation; it answers single questions",
            hint="qwa engines",
        )
    if not conversation or conversation[-1].role != "user":
        raise SettingsError("the conversation does not end with a turn of the user")
    return reply_in_windows(opened, conversation, options or Options())


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
    transcript = read_transcript(answer)
    if (
        not transcript.segments
        and answer.text.strip()
        and Ability.TIMES not in opened.info.abilities
    ):
        whole = Segment(start=0.0, end=answer.coverage.total, text=answer.text.strip())
        transcript = replace(transcript, segments=(whole,))
    return transcript, answer


def check_abilities(wanted: Sequence[Task], info: EngineInfo) -> None:
    """Refuse a task that the engine can't do, before any audio is decoded.

    Raises:
        EngineUnsupported: naming what is missing.
    """
    for each in wanted:
        if missing := each.needs - info.abilities:
            raise EngineUnsupported(
                f"engine {info.name!r} can't do the task {each.name!r}: "
                f"it lacks {', '.join(sorted(missing))}",
                hint="qwa engines",
            )


def _own_words(names: str) -> str:
    return " ".join(each.instruct for each in tasks_named(names) if each.name != "question")

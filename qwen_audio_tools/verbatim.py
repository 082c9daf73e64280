"""What was said, word for word: never rewritten, and joined without doubled or lost words."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from qwen_audio_tools.conversation import Conversation, clips, question, user
from qwen_audio_tools.engines.base import Delta, Engine, Options
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.notes import Note, as_evidence, take_notes
from qwen_audio_tools.parts import Part
from qwen_audio_tools.preambles import without_preamble
from qwen_audio_tools.seams import glue, without_overlap
from qwen_audio_tools.spans import clock
from qwen_audio_tools.tasks import Ability

_WORDS = {"transcribe", "translate"}


def is_verbatim(task: str | None) -> bool:
    """Whether the task asks for the words and nothing that needs the whole, "+speakers" or not."""
    names = set((task or "").split("+"))
    return bool(names & _WORDS) and names <= {*_WORDS, "speakers"}


def bare(reply: Iterator[Delta]) -> Iterator[Delta]:
    """Yield a reply with its text at the end, without what the model put around the words."""
    texts: list[str] = []
    for delta in reply:
        texts.append(delta.text)
        if delta != Delta(text=delta.text):
            yield replace(delta, text="")
    yield Delta(text=without_preamble("".join(texts)))


def write_down(engine: Engine, conversation: Conversation, options: Options) -> Iterator[Delta]:
    """Yield the words of a recording part by part.

    Where speech runs on over a cut, both parts hear it, and the words that both told are told once.

    Raises:
        SettingsError: a schema was given; a text of several parts can't fit it.
    """
    if options.schema is not None:
        raise SettingsError(
            f"a recording longer than {engine.info.window:g} s is written down in parts, "
            "and their text fits no JSON schema",
            hint="leave the schema out, or ask a question about it",
        )
    asked = question(conversation)
    # Who tells times tells which words are where; and a longer window ends at a pause anyway.
    margins = Ability.TIMES not in engine.info.abilities

    def asking(part: Part) -> list[Conversation]:
        return [[user(part.clip, asked)] if asked else [user(part.clip)]]

    waiting: Note | None = None
    end = ""
    notes = take_notes(engine, clips(conversation), asking, options, margins=margins)
    with closing(notes):
        for (note,) in notes:
            note = _bare(engine, note)
            if waiting is None:
                waiting = note
                continue
            done, waiting, warnings = _at_seam(waiting, note)
            yield Delta(text=glue(end, done.text) + done.text, warnings=warnings)
            yield as_evidence(done, "speech")
            end = done.text or end
    if waiting is not None:
        yield Delta(text=glue(end, waiting.text) + waiting.text, warnings=_about_speakers(options))
        yield as_evidence(waiting, "speech")


def _bare(engine: Engine, note: Note) -> Note:
    if Ability.CHAT not in engine.info.abilities:
        return note
    return note.rewritten(without_preamble(note.text))


def _at_seam(before: Note, after: Note) -> tuple[Note, Note, tuple[str, ...]]:
    """Return both notes with the words at their seam told once, and what is unsure about it."""
    if not after.part.overlaps or not before.text or not after.text:
        return before, after, ()
    texts = without_overlap(before.text, after.text)
    if texts is None:
        unsure = (
            f"at {clock(after.part.span.start)} speech runs on where the recording was cut, and "
            "the words on both sides do not match: one may be missing or doubled"
        )
        return before, after, (unsure,)
    return before.rewritten(texts[0]), after.rewritten(texts[1]), ()


def _about_speakers(options: Options) -> tuple[str, ...]:
    if "speakers" not in (options.task or "").split("+"):
        return ()
    return ("speakers are told apart within each part: one label may be two people in two parts",)

"""What an engine says of each part of long recordings: asked in batches, told in order of time."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice

from qwen_audio_tools.answer import Answer, Coverage, Evidence
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.engines.base import BatchEngine, Delta, Engine, Options, run_many
from qwen_audio_tools.parts import Part, parts
from qwen_audio_tools.spans import gaps

NOTHING = "NOTHING"
AT_ONCE = 64
"""Conversations that an engine gets at once: half an hour in windows of 30 s."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the engine said of one part."""

    part: Part
    answer: Answer

    @property
    def text(self) -> str:
        """What it said, without space around it."""
        return self.answer.text.strip()

    @property
    def says_something(self) -> bool:
        """Whether the engine found anything in this part."""
        return self.text.strip(" \t\n.。'\"*").upper() not in ("", NOTHING)

    def rewritten(self, text: str) -> "Note":
        """Return the same note in other words."""
        return Note(self.part, replace(self.answer, text=text))


def take_notes(
    engine: Engine,
    heard: Sequence[Clip],
    asking: Callable[[Part], Sequence[Conversation]],
    options: Options,
    *,
    margins: bool = False,
) -> Generator[list[Note], None, None]:
    """Yield the notes on each part in order of time: one for each conversation that it is asked in.

    An engine that can gets many at once. Several questions of one part come together, and share
    what they have in common. Closing the iterator stops the engine. `margins` are those of `parts`.
    """
    # A schema, and words to stop at, are meant for the answer.
    mapping = replace(options, schema=None, stop=())
    waiting = _parts(heard, engine.info.window, margins)
    count = AT_ONCE if isinstance(engine, BatchEngine) else 1
    total = sum(clip.duration for clip in heard)
    _tell(options, 0.0, total)
    done = 0.0
    while group := list(islice(waiting, count)):
        asked = [asking(part) for part in group]
        together = len(asked[0]) == 1
        for some in [range(len(group))] if together else [[at] for at in range(len(group))]:
            for notes in _answered(
                engine, [group[at] for at in some], [asked[at] for at in some], mapping
            ):
                done += notes[0].part.span.seconds
                _tell(options, done, total)
                yield notes


def _parts(heard: Sequence[Clip], limit: float, margins: bool) -> Iterator[Part]:
    for number, clip in enumerate(heard, start=1):
        yield from parts(clip, limit, margins=margins, number=number)


def _tell(options: Options, done: float, total: float) -> None:
    if options.progress:
        options.progress("listening", min(done, total), total)


def _answered(
    engine: Engine,
    group: Sequence[Part],
    asked: Sequence[Sequence[Conversation]],
    options: Options,
) -> Iterator[list[Note]]:
    """Yield the notes on each part of the group as soon as they and all before them are there."""
    owners = [place for place, each in enumerate(asked) for _ in each]
    starts = [owners.index(place) for place in range(len(group))]
    found: list[list[Answer | None]] = [[None] * len(each) for each in asked]
    ready = 0
    everything = [conversation for each in asked for conversation in each]
    with closing(run_many(engine, everything, options)) as answers:
        for index, answer in answers:
            place = owners[index]
            found[place][index - starts[place]] = answer
            while ready < len(group) and (whole := _complete(found[ready])):
                yield [Note(group[ready], each) for each in whole]
                ready += 1


def _complete(answers: Sequence[Answer | None]) -> list[Answer]:
    there = [answer for answer in answers if answer is not None]
    return there if len(there) == len(answers) else []


def as_evidence(note: Note, kind: str) -> Delta:
    """Return what a note adds to the answer: evidence with times, and which seconds were heard.

    That a part was heard is no evidence of what is in it: the note stands in its place.
    """
    span, answer = note.part.span, note.answer
    own = tuple(item for item in answer.evidence if item.kind != "heard")
    if not own and note.says_something:
        own = (
            Evidence(
                kind=kind,
                start=span.start,
                end=span.end,
                text=note.text,
                model=answer.engine,
                clip=note.part.clip.name,
            ),
        )
    return Delta(
        evidence=own,
        # A part hears more than it answers for, so its own count of seconds would be too high.
        coverage=Coverage.of(gaps(answer.coverage.gaps, span), span),
        usage=answer.usage,
        warnings=answer.warnings,
        task=answer.task,
        finish="length" if answer.finish == "length" else "",  # a part's end isn't the answer's
    )

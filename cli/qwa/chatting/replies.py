"""One reply on its way to stdout: in pieces as they come, or as one JSON object."""

import json
import sys
from collections.abc import Iterator

from qwa import render
from qwa.chatting.stopping import Interrupts
from qwa.manners import Manners, write_line
from qwa.progress import Bar
from qwa.streaming import shown
from qwen_audio_tools.answer import Answer
from qwen_audio_tools.engines.base import Delta, EngineInfo, join
from qwen_audio_tools.errors import Cancelled, QwenAudioError


class Reply:
    """Takes the deltas of one reply, and shows them unless the form is JSON."""

    def __init__(self, manners: Manners, interrupts: Interrupts, *, as_json: bool) -> None:
        self._manners, self._interrupts, self._as_json = manners, interrupts, as_json
        self._bar = Bar(manners)
        self._deltas: list[Delta] = []

    def progress(self, what: str, done: float, total: float) -> None:
        """Show how far the engine is before it speaks, and let Ctrl-C stop it there.

        Raises:
            Cancelled: Ctrl-C was pressed.
        """
        if self._interrupts.stopping:
            raise Cancelled("stopped at the terminal")
        self._bar(what, done, total)

    def take(self, deltas: Iterator[Delta]) -> None:
        """Show the pieces up to the last one, or to the first after Ctrl-C.

        Raises:
            QwenAudioError: the engine failed; what came before it is shown.
        """
        going = self._going(deltas)
        try:
            for delta in going if self._as_json else shown(going, self._bar):
                self._deltas.append(delta)
        except QwenAudioError:
            if not self._interrupts.stopping:
                raise
        finally:
            self._bar.clear()

    def answer(self, info: EngineInfo) -> Answer:
        """Return what was taken as an Answer."""
        return join(self._deltas, info)

    def _going(self, deltas: Iterator[Delta]) -> Iterator[Delta]:
        try:
            for delta in deltas:
                if self._interrupts.stopping:
                    return
                yield delta
        finally:
            if close := getattr(deltas, "close", None):
                close()  # the engine frees what it holds for the rest


def beside(answer: Answer, manners: Manners) -> None:
    """Say on stderr what the text of a reply does not: warnings, and what was not heard."""
    for warning in answer.warnings:
        manners.tell(warning, kind="warning")
    if not answer.coverage.complete:
        heard = manners.words("heard {heard} of {total}").format(
            heard=render.seconds_text(answer.coverage.heard),
            total=render.seconds_text(answer.coverage.total),
        )
        manners.tell(heard, kind="warning")


def write_object(values: dict[str, object]) -> None:
    """Write one JSON object as a line of stdout."""
    write_line(sys.stdout, json.dumps(values, ensure_ascii=False))

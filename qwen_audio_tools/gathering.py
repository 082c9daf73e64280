"""Questions that are asked one by one, from threads or tasks, answered by the engine at once.

For frameworks that call a model once for each input, each in a thread or task of its own.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from qwen_audio_tools.answer import Answer
from qwen_audio_tools.conversation import Conversation, clips
from qwen_audio_tools.conversing import Prepared, prepared
from qwen_audio_tools.engines.base import Engine, Options, join, run_many
from qwen_audio_tools.errors import Cancelled, QwenAudioError
from qwen_audio_tools.long_audio import fits
from qwen_audio_tools.stopping import Stop
from qwen_audio_tools.verbatim import is_verbatim


@dataclass(slots=True, eq=False)
class _Asked:
    """What somebody waits for the answer to."""

    conversation: Conversation
    engine: Engine
    options: Options
    future: Future[Answer] = field(default_factory=Future)


class Gathering:
    """`expected` take part, `most` at a time; each asks once, or leaves without.

    As soon as all that are at work wait, what they ask goes to the engine together. What fails
    fails alone.
    """

    def __init__(self, expected: int, most: int) -> None:
        self._lock = threading.Lock()
        self._left, self._most = expected, most
        self._waiting: list[_Asked] = []
        self._stop = Stop()

    @contextmanager
    def part(self) -> Iterator[None]:
        """Take part; leaving says that nothing more is to be waited for."""
        try:
            yield
        finally:
            with self._lock:
                self._left -= 1
            self._go_on()

    def ask(self, conversation: Conversation, engine: Engine, options: Options) -> Future[Answer]:
        """Return what will hold the answer, or the QwenAudioError that it failed with."""
        asked = _Asked(conversation, engine, options)
        with self._lock:
            self._waiting.append(asked)
        self._go_on()
        return asked.future

    def stop(self) -> None:
        """Stop what is being answered; who waits for it gets Cancelled."""
        self._stop.set()

    def _go_on(self) -> None:
        with self._lock:
            if not self._waiting or len(self._waiting) < min(self._most, self._left):
                return
            ready, self._waiting = self._waiting, []
        threading.Thread(target=self._answer, args=(ready,), daemon=True, name="qwa-batch").start()

    def _answer(self, ready: Sequence[_Asked]) -> None:
        wanted = [each for each in ready if each.future.set_running_or_notify_cancel()]
        try:
            while wanted:
                first = wanted[0]
                group = [
                    each
                    for each in wanted
                    if each.engine is first.engine and each.options == first.options
                ]
                wanted = [each for each in wanted if each not in group]
                self._answer_alike(group)
        except BaseException as error:  # whoever waits must learn of it, whatever it is
            for each in ready:
                if not each.future.done():
                    each.future.set_exception(error)

    def _answer_alike(self, group: Sequence[_Asked]) -> None:
        """Answer what is asked of one engine in one way: together what can be, the rest alone."""
        engine, options = group[0].engine, self._stop.options(group[0].options)
        together: list[tuple[_Asked, Prepared]] = []
        for each in group:
            try:
                found = prepared(each.conversation, engine, options)
                alone = is_verbatim(options.task) or not fits(engine, clips(found.turns))
            except QwenAudioError as error:
                each.future.set_exception(error)
                continue
            if alone:
                self._answer_one(each, found)
            else:
                together.append((each, found))
        try:
            turns = [found.turns for _, found in together]
            for index, answer in self._stop.heed(run_many(engine, turns, options)):
                each, found = together[index]
                warnings = tuple(dict.fromkeys((*found.warnings, *answer.warnings)))
                each.future.set_result(replace(answer, warnings=warnings))
        except Cancelled:
            raise
        except QwenAudioError:  # one of them failed, and which isn't known: each on its own now
            for each, found in together:
                if not each.future.done():
                    self._answer_one(each, found)

    def _answer_one(self, asked: _Asked, found: Prepared) -> None:
        options = self._stop.options(asked.options)
        try:
            deltas = self._stop.heed(found.deltas(asked.engine, options))
            asked.future.set_result(join(deltas, asked.engine.info))
        except Cancelled:
            raise
        except QwenAudioError as error:
            asked.future.set_exception(error)

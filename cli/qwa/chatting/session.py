"""A chat from its first line to its last: turns go to the engine, commands are obeyed."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qwa import inputs
from qwa.chatting import commands, recording, saved_chats
from qwa.chatting.commands import Command
from qwa.chatting.growing import Chat
from qwa.chatting.replies import Reply, beside, write_object
from qwa.chatting.stopping import Interrupts
from qwa.chatting.terminal import Lines
from qwa.exits import batch_code, report
from qwa.manners import Manners, Unread, printable, write_line
from qwa.progress import Bar
from qwa.render import seconds_text, table
from qwen_audio_tools.asking import converse
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Message
from qwen_audio_tools.engines.base import Engine, Options
from qwen_audio_tools.errors import ClipError, QwenAudioError, SettingsError
from qwen_audio_tools.sources.naming import expand

WHOLE = inputs.Part()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Who answers and how, and for whom: `person` is False where lines come from a pipe."""

    engine: Engine
    options: Options
    manners: Manners
    person: bool
    as_json: bool = False


class Session:
    """One run of `qwa chat`. What fails is told, and the chat goes on."""

    def __init__(self, setup: Setup, chat: Chat, interrupts: Interrupts) -> None:
        self.chat = chat
        self._setup, self._interrupts = setup, interrupts
        self._entries = self._turns = 0
        self._codes: list[int] = []

    def run(self, lines: Lines) -> int:
        """Obey lines until there are no more, and return the exit code.

        A person's chat ends well however its turns went; a script's as a batch of turns does.
        """
        going = True
        while going:
            try:
                going = self._step(lines)
            except KeyboardInterrupt:
                if self._interrupts.ended or not self._setup.person:
                    raise
                write_line(sys.stderr, "")
        return 0 if self._setup.person else batch_code(self._codes, self._entries)

    def attach(self, words: Sequence[str], part: inputs.Part = WHOLE) -> None:
        """Let files, folders or globs wait for the next turn.

        Raises:
            ClipError: one of them is missing or can't be read; none of them waits then.
        """
        found = [inputs.clip(source, part) for source in expand(words)]
        lengths = [clip.duration for clip in found]
        for clip, length in zip(found, lengths, strict=True):
            self._wait(clip, length)

    def _step(self, lines: Lines) -> bool:
        """Obey one entry; False ends the chat."""
        waiting = len(self.chat.waiting)
        entry = lines(f"[{waiting} ♪] > " if waiting else "> ")
        # A pipe that ends while audio waits has asked what is said in it; but audio that only
        # waits because its turn failed was asked about already.
        if entry is None and (self._setup.person or self._codes or not waiting):
            return False
        text = entry or ""
        self._entries += 1
        try:
            return self._obey(commands.read(text)) and entry is not None
        except (BrokenPipeError, Unread):
            raise
        except Exception as error:
            self._tell_failure(error)
            # What a script asks after a command that failed would be about other audio.
            lost = not self._setup.person and text.lstrip().startswith("/")
            return entry is not None and not lost

    def _obey(self, command: Command) -> bool:
        name, rest = command.name, command.rest
        if name == "/quit":
            return False
        if not name:
            self._turn(rest)
        elif name == "/audio":
            source, part = commands.source_and_part(rest)
            self.attach([source], part)
        else:
            {
                "/record": self._record,
                "/drop": self._drop,
                "/system": self._system,
                "/save": self._save,
                "/reset": self._reset,
                "/help": self._help,
            }[name](rest)
        return True

    def _turn(self, text: str) -> None:
        turn = self.chat.next_turn(text)
        if turn is None:
            return
        self._turns += 1
        reply = Reply(self._setup.manners, self._interrupts, as_json=self._setup.as_json)
        options = replace(self._setup.options, progress=reply.progress)
        try:
            with self._interrupts.working():
                asked = self.chat.asked(turn)
                reply.take(converse(asked, engine=self._setup.engine, options=options))
        except ClipError:
            self._drop("")  # or it would spoil every turn from now on
            raise
        self._finish(turn, reply)

    def _finish(self, turn: Message, reply: Reply) -> None:
        answer = reply.answer(self._setup.engine.info)
        stopped = self._interrupts.stopping
        if answer.text.strip():
            self.chat.keep(turn, answer.text)
        else:
            self._say("the turn is taken back: nothing was said")
        if stopped:
            self._say("stopped")
        if self._setup.as_json:
            named = answer.asked(
                clip=", ".join(clip.name for clip in turn.clips), question=turn.text
            )
            write_object({"turn": self._turns, "stopped": stopped, **named.to_dict()})
        beside(answer, self._setup.manners)

    def _tell_failure(self, error: Exception) -> None:
        self._codes.append(report(error, self._setup.manners))
        if self._setup.as_json:
            hint = error.hint if isinstance(error, QwenAudioError) else ""
            write_object({"turn": self._turns, "error": str(error), "hint": hint})

    def _wait(self, clip: Clip, length: float) -> None:
        self.chat.waiting.append(clip)
        self._say(f"♪ {printable(clip.name)} {seconds_text(length)}")

    def _record(self, rest: str) -> None:
        seconds = commands.duration(rest)
        if seconds is None and not self._setup.person:
            raise SettingsError("nobody is here to end the recording", hint="/record 5")
        if seconds is None:
            self._say("recording; Ctrl-C ends it")
        bar = Bar(self._setup.manners)
        with self._interrupts.working():
            clip = recording.record(seconds, lambda: self._interrupts.stopping, bar)
        bar.clear()
        self._wait(clip, clip.duration)

    def _drop(self, rest: str) -> None:
        for clip in self.chat.waiting:
            self._say(f"{self._setup.manners.words('dropped')} {printable(clip.name)}")
        self.chat.waiting.clear()

    def _system(self, rest: str) -> None:
        if rest:
            self.chat.system = rest
        self._say(self.chat.system or "no system prompt of yours; the model has its own")

    def _save(self, rest: str) -> None:
        if not (name := commands.plain(rest)):
            raise SettingsError("no file was named", hint="/save chat.json")
        path = Path(name).expanduser()
        saved_chats.save(self.chat, path, self._setup.engine.info.label)
        self._say(f"{self._setup.manners.words('wrote')} {path}")

    def _reset(self, rest: str) -> None:
        self.chat.reset()
        self._say("a new chat")

    def _help(self, rest: str) -> None:
        words = self._setup.manners.words
        for line in table((usage, words(about)) for usage, about in commands.help_lines()):
            write_line(sys.stderr, line)
        write_line(
            sys.stderr, words('A line that ends in \\ goes on; """ begins and ends a block.')
        )

    def _say(self, message: str) -> None:
        self._setup.manners.tell(self._setup.manners.words(message))

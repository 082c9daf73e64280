"""ScriptedEngine: an engine that replies from a script, for tests of code that uses engines."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from qwen_audio_tools.answer import Coverage, Usage
from qwen_audio_tools.conversation import Conversation, clips
from qwen_audio_tools.engines.base import Delta, EngineInfo, Options
from qwen_audio_tools.errors import ClipTooLong, EngineRefused
from qwen_audio_tools.tasks import Ability

Reply = str | Exception | Callable[[Conversation], str]


@dataclass(slots=True)
class ScriptedEngine:
    """Gives the replies of its script in order, and keeps what it was asked in `heard`.

    A reply is a text, an exception to raise, or a function of the conversation. Like a real
    engine it refuses clips longer than its `window` (seconds). An exhausted script is an error.
    """

    script: Sequence[Reply]
    window: float = 30.0
    abilities: frozenset[Ability] = frozenset(Ability)
    heard: list[Conversation] = field(default_factory=list)

    @property
    def info(self) -> EngineInfo:
        """A made-up engine that hears `window` seconds at 25 audio tokens a second."""
        return EngineInfo(
            name="scripted",
            model="script",
            abilities=self.abilities,
            window=self.window,
            audio_tokens_per_second=25.0,
        )

    def reply(self, conversation: Conversation, options: Options) -> Iterator[Delta]:
        """Yield the next reply of the script word by word."""
        seconds = 0.0
        for clip in clips(conversation):
            if clip.duration > self.window + 1e-6:
                raise ClipTooLong(f"{clip.name!r} has {clip.duration:.1f} s; {self.window} s fit")
            seconds += clip.duration
        if len(self.heard) >= len(self.script):
            raise EngineRefused(f"the script of {len(self.script)} replies is exhausted")
        self.heard.append(conversation)
        reply = self.script[len(self.heard) - 1]
        if isinstance(reply, Exception):
            raise reply
        text = reply if isinstance(reply, str) else reply(conversation)
        for index, word in enumerate(text.split(" ")):
            yield Delta(text=word if index == 0 else f" {word}")
        tokens = int(seconds * 25)
        yield Delta(
            coverage=Coverage(seconds, seconds) if seconds else None,
            usage=Usage(tokens, tokens, len(text.split()), seconds),
            finish="stop",
        )

"""The one seam: what an engine is. Joining its deltas into an Answer is a function here."""

from collections.abc import (
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from qwen_audio_tools.answer import Answer, Coverage, Evidence, Usage
from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.tasks import Ability

Progress = Callable[[str, float, float], None]
"""Called with what is being done, how much is done and how much there is (same unit)."""

ANSWERING = "answering"
"""What `replies` is doing when it calls `progress` with how many of its answers are finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What an engine can do; known before any weights load.

    `window` is the longest clip it hears at once, in seconds (infinite if it streams);
    `audio_tokens_per_second` is what a second of audio costs in its context. `prompting` is how it
    is addressed: "chat", or "base" for a model that only continues the prompts it was trained on.
    `samples` is whether it writes token by token, even if not freely: `max_tokens`, `temperature`
    and the like mean something to it then.
    `context` is how many tokens a conversation and its answer may have; None where that is not
    known, or where there are no tokens.
    """

    name: str
    model: str
    abilities: frozenset[Ability]
    window: float
    audio_tokens_per_second: float = 0.0
    device: str = "cpu"
    prompting: Literal["chat", "base"] = "chat"
    samples: bool = False
    context: int | None = None

    @property
    def label(self) -> str:
        """Name and model in one string, as answers carry it."""
        return f"{self.name}:{self.model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to answer. `task` skips the routing of the question; `language` is that of the speech.

    `lang` is the language of the answer ("en", "zh"); None means that of the question.
    `temperature` 0 is greedy; None follows the model's own generation settings, as `top_p` does.
    `schema` is a JSON schema that the answer's text must fit, for engines that write freely.
    With `whole` nobody sees a piece before the last: one that breaks off may be begun anew.
    """

    task: str | None = None
    language: str | None = None
    lang: str | None = None
    max_tokens: int = 512
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    schema: Mapping[str, Any] | None = field(default=None, hash=False)
    whole: bool = False
    progress: Progress | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A piece of a reply: text as it comes, and what is known beside it.

    `finish` says why the text ended, where the engine knows: "stop", or "length" if it was cut.
    """

    text: str = ""
    evidence: tuple[Evidence, ...] = ()
    coverage: Coverage | None = None
    usage: Usage | None = None
    warnings: tuple[str, ...] = ()
    task: str = ""
    finish: str = ""


@runtime_checkable
class Engine(Protocol):
    """Anything that answers a conversation about clips.

    Closing the iterator that `reply` returns stops the work. An engine hears at most
    `info.window` seconds of a clip and raises `ClipTooLong` rather than cutting.
    """

    @property
    def info(self) -> EngineInfo:
        """What it is and can do."""
        ...

    def reply(self, conversation: Conversation, options: Options) -> Iterator[Delta]:
        """Answer the last user turn, piece by piece."""
        ...


@runtime_checkable
class BatchEngine(Engine, Protocol):
    """An engine that answers several conversations at once, sharing what they have in common."""

    def replies(
        self, conversations: Sequence[Conversation], options: Options
    ) -> Iterator[tuple[int, Answer]]:
        """Yield (index, answer) as each is finished; the first failure is raised.

        It calls `options.progress` at each step, not only at each answer: what that raises ends
        the work, and there is no other way into it from outside.
        """
        ...


@runtime_checkable
class AsyncEngine(Engine, Protocol):
    """An engine that waits without a thread: for servers."""

    def areply(self, conversation: Conversation, options: Options) -> AsyncIterator[Delta]:
        """Answer as `reply` does; closing the iterator stops the work."""
        ...


def run_many(
    engine: Engine, conversations: Sequence[Conversation], options: Options
) -> Generator[tuple[int, Answer], None, None]:
    """Answer several conversations: at once where the engine can, else one after the other.

    Raises:
        QwenAudioError: the first failure, after the answers that were finished before it.
    """
    if isinstance(engine, BatchEngine):
        yield from engine.replies(conversations, options)
        return
    for index, conversation in enumerate(conversations):
        yield index, join(engine.reply(conversation, options), engine.info)


def join(deltas: Iterable[Delta], info: EngineInfo) -> Answer:
    """Join the pieces of a reply into one Answer."""
    text: list[str] = []
    evidence: list[Evidence] = []
    warnings: dict[str, None] = {}
    coverage, usage, task, finish = Coverage(0.0, 0.0), Usage(), "", ""
    for delta in deltas:
        text.append(delta.text)
        evidence.extend(delta.evidence)
        warnings.update(dict.fromkeys(delta.warnings))
        coverage = coverage if delta.coverage is None else coverage + delta.coverage
        usage = usage if delta.usage is None else usage + delta.usage
        task = delta.task or task
        finish = delta.finish or finish
    return Answer(
        text="".join(text),
        evidence=tuple(evidence),
        coverage=coverage,
        usage=usage,
        engine=info.label,
        warnings=tuple(warnings),
        task=task,
        finish=finish,
    )

"""EmbeddedEngine: route the question, let the experts listen, write the answer from evidence."""

import math
from collections.abc import Iterator

from qwen_audio_tools.conversation import Conversation, clips, question
from qwen_audio_tools.engines.base import Delta, EngineInfo, Options
from qwen_audio_tools.engines.embedded.models import Models
from qwen_audio_tools.errors import EngineUnsupported
from qwen_audio_tools.settings import Settings
from qwen_audio_tools.tasks import Ability, tasks_named

_CAN = frozenset(Ability) - {Ability.CHAT}


class EmbeddedEngine:
    """The offline cascade. Hears clips of any length in one pass; safe to call from threads.

    It doesn't converse: only the last question counts, and each clip is answered on its own
    unless the task is "compare". It never invents prose: what it can't know, it says.
    """

    def __init__(self, models: Models | None = None) -> None:
        self._models = models or Models()

    @property
    def info(self) -> EngineInfo:
        """What it is; no weights load for this."""
        return EngineInfo(
            name="embedded",
            model=f"{self._models.whisper_name}+yamnet",
            abilities=_CAN,
            window=math.inf,
        )

    def reply(self, conversation: Conversation, options: Options) -> Iterator[Delta]:
        """Answer the last question about the clips of the conversation.

        Raises:
            EngineUnsupported: there is no clip, or neither a question nor a task.
            ClipError, EngineError: a clip can't be decoded, or an expert failed.
        """
        from qwen_audio_tools.engines.embedded.cascade import answer_clips

        heard, asked = clips(conversation), question(conversation)
        if not heard:
            raise EngineUnsupported(
                "the embedded engine answers questions about clips; none was given",
                hint='qwa ask clip.mp3 "what is said?"',
            )
        if not asked and not options.task:
            raise EngineUnsupported(
                "the embedded engine doesn't converse: it needs a question or a task",
                hint='qwa ask clip.mp3 "what is said?", or --task caption',
            )
        if options.task:
            tasks_named(options.task)  # a wrong name fails before anything is decoded
        yield from answer_clips(heard, asked, self._models, options)


def open_embedded(model: str, settings: Settings) -> EmbeddedEngine:
    """Open the engine; `model` names another Whisper: a size such as "small", or a folder."""
    return EmbeddedEngine(Models(whisper=model or settings.whisper))

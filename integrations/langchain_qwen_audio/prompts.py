"""A prompt for each task, in English and Chinese, with places for audio."""

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder, PromptTemplate
from langchain_core.prompts.message import BaseMessagePromptTemplate

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_reading import Stored
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.tasks import TASKS

_ID = re.compile(r"[0-9a-f]{12}")


class AudioTurn(BaseMessagePromptTemplate):
    """A turn of the user: any number of clips, then the words.

    The clips are given as one value or a list, which may be empty. Each is a block, the id of a
    stored clip, a path, a URL, bytes, or a Clip. A text is a name only: whether it may be opened
    is for the model to say, by its `roots`. What is no text is the caller's own, and goes in whole.
    """

    words: PromptTemplate
    audio: str = "audio"
    """The variable of the clips."""

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Say that no loader of LangChain's makes this class."""
        return False

    @property
    def input_variables(self) -> list[str]:
        """The variable of the clips, and those of the words."""
        return [self.audio, *self.words.input_variables]

    def format_messages(self, **kwargs: Any) -> list[BaseMessage]:
        """Return the one message; nothing is opened but what is the caller's own.

        Raises:
            SettingsError: a value that stands for no audio.
            ClipError: a file of the caller's own can't be read.
        """
        given = kwargs[self.audio]
        several = given if isinstance(given, list) else [] if given is None else [given]
        blocks: list[str | dict[str, Any]] = [audio_block(each) for each in several]
        words = self.words.format(**{name: kwargs[name] for name in self.words.input_variables})
        if words:
            blocks.append({"type": "text", "text": words})
        return [HumanMessage(content=blocks)]

    def pretty_repr(self, html: bool = False) -> str:
        """Return the turn as a person reads it."""
        return f"Human Message\n\n{{{self.audio}}}\n{self.words.template}"


def audio_block(given: Any) -> dict[str, Any]:
    """Return the block of a message for what stands for audio, as AudioTurn takes it.

    Raises:
        SettingsError: it stands for none.
        ClipError: a file of the caller's own can't be read.
    """
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, str) and given.strip():
        name = given.strip()
        where = "file_id" if _ID.fullmatch(name) else "url"
        return {"type": "audio", where: name}
    if isinstance(given, Clip) and isinstance(given.source, Stored) and _whole(given):
        return {"type": "audio", "file_id": given.source.id}
    if isinstance(given, Path | bytes | bytearray | Clip):
        clip = given if isinstance(given, Clip) else Clip(given)
        data = base64.b64encode(b"".join(clip.file_bytes())).decode()
        kind = clip.info.container if _whole(clip) else "wav"
        return {"type": "audio", "base64": data, "mime_type": f"audio/{kind}"}
    raise SettingsError(
        f"{type(given).__name__!r} stands for no audio",
        hint="give a path, a URL, the id of a clip, bytes, a Clip or a content block",
    )


def audio_prompt(
    task: str = "question", *, lang: Literal["en", "zh"] = "en", system: str = ""
) -> ChatPromptTemplate:
    """Return the prompt of a task: variables `audio`, and `question` where the task has one.

    Earlier messages may be given as `history`.

    Raises:
        SettingsError: no task is called so, or there is no prompt in that language.
    """
    if task not in TASKS:
        raise SettingsError(f"no task is called {task!r}; there are {', '.join(TASKS)}")
    if lang not in ("en", "zh"):
        raise SettingsError(f"there is no prompt in {lang!r}; there are 'en' and 'zh'")
    words = TASKS[task].instruct if lang == "en" else TASKS[task].chinese
    first: Sequence[Any] = [("system", system)] if system else []
    history = MessagesPlaceholder("history", optional=True)
    return ChatPromptTemplate(
        [*first, history, AudioTurn(words=PromptTemplate.from_template(words))]
    )


def audio_prompts(*, lang: Literal["en", "zh"] = "en") -> dict[str, ChatPromptTemplate]:
    """Return the prompts of all tasks, by their names."""
    return {task: audio_prompt(task, lang=lang) for task in TASKS}


def _whole(clip: Clip) -> bool:
    return not clip.start and clip.end is None

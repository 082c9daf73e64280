"""The messages of a chat request as a Conversation: texts and clips in turns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.content_blocks import Origin, part_of
from qwen_audio_tools.conversation import Conversation, Message, Part, Role, clips
from qwen_audio_tools.engines.base import EngineInfo
from qwen_audio_tools.errors import QwenAudioError
from qwen_audio_tools.serving.http.limits import ServerLimits
from qwen_audio_tools.serving.http.reading import Fields
from qwen_audio_tools.serving.http.refusals import invalid, refusal_of, too_large

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


def conversation_of(value: Any, origin: Origin, limits: ServerLimits) -> list[Message]:
    """Return the turns that `messages` holds; nothing is decoded yet.

    Raises:
        Refused: they are not what they should be, or more than the limits allow.
    """
    if not isinstance(value, list) or not value:
        raise invalid("messages are a list of at least one message", param="messages")
    if len(value) > limits.messages:
        raise too_large(
            f"there are {len(value)} messages; {limits.messages} are taken",
            code="too_many_messages",
            param="messages",
        )
    turns = [_message(each, f"messages[{at}]", origin) for at, each in enumerate(value)]
    if turns[-1].role != "user":
        raise invalid("the last message is not of the user", param="messages")
    if not turns[-1].clips and not turns[-1].text.strip():
        raise invalid("the last message is empty", param=f"messages[{len(turns) - 1}].content")
    _check_sizes(turns, limits)
    return turns


def _message(value: Any, place: str, origin: Origin) -> Message:
    if not isinstance(value, dict):
        raise invalid(f"{place} is an object with role and content", param=place)
    fields = Fields(value, place)
    role = _ROLES.get(fields.text("role") or "")
    if role is None:
        given = value.get("role")
        hint = "tools are not called here" if given in ("tool", "function") else ""
        raise invalid(
            f"{place}.role cannot be {given!r:.40}: it is system, user or assistant",
            param=f"{place}.role",
            hint=hint,
        )
    for name in ("tool_calls", "function_call", "audio"):
        if value.get(name):
            raise fields.wrong(name, "an engine here answers with texts alone")
    content = value.get("content")
    if content is None and role == "assistant":
        content = ""
    if not isinstance(content, str | list):
        raise invalid(f"{place}.content is a text or a list of parts", param=f"{place}.content")
    parts = _parts(content, f"{place}.content", origin)
    if role != "user" and any(isinstance(part, Clip) for part in parts):
        raise invalid(f"{place} is of the {role}; audio is heard in turns of the user", param=place)
    return Message(cast(Role, role), parts or ("",))


def _parts(content: str | list[Any], place: str, origin: Origin) -> tuple[Part, ...]:
    """Return the parts of a message; audio without a name is called by where it stands."""
    if isinstance(content, str):
        return (content,) if content else ()
    parts: list[Part] = []
    for at, block in enumerate(content):
        here = f"{place}[{at}]"
        try:
            part = part_of(block, origin)
        except QwenAudioError as error:
            raise refusal_of(error, param=here) from error
        if isinstance(part, Clip) and isinstance(part.source, bytes) and not part.title:
            part = replace(part, title=here)
        if part != "":
            parts.append(part)
    return tuple(parts)


def _check_sizes(turns: Conversation, limits: ServerLimits) -> None:
    if len(heard := clips(turns)) > limits.clips:
        raise too_large(
            f"there are {len(heard)} clips; {limits.clips} are taken",
            code="too_many_clips",
            param="messages",
        )
    letters = sum(len(turn.text) for turn in turns)
    if letters > limits.text:
        raise too_large(
            f"the messages hold {letters:,} letters; {limits.text:,} are taken",
            code="text_too_long",
            param="messages",
        )


@dataclass(frozen=True, slots=True)
class LastQuestion:
    """What is asked of an engine that holds no conversation; `warnings` say what it won't hear."""

    clips: tuple[Clip, ...]
    text: str
    warnings: tuple[str, ...]


def last_question(turns: Sequence[Message], info: EngineInfo, task: str | None) -> LastQuestion:
    """Return the last question of a conversation, and the clips that it is about.

    Those are the clips of its own turn, or else of the turn before it that has some.

    Raises:
        Refused: there is no clip, or nothing is asked.
    """
    about = next((turn for turn in reversed(turns) if turn.clips), None)
    if about is None:
        raise invalid(
            f"{info.label} answers questions about audio, and the messages hold none",
            param="messages",
            hint='add a part {"type": "input_audio", "input_audio": {"data": …, "format": "wav"}}',
        )
    text = turns[-1].text.strip()
    if not text and not task:
        raise invalid(
            f"{info.label} holds no conversation: audio without a question says nothing to it",
            param=f"messages[{len(turns) - 1}].content",
            hint='ask something beside it, or name a task: {"qwa": {"task": "caption"}}',
        )
    if len(turns) == 1:
        return LastQuestion(about.clips, text, ())
    number = next(at for at, turn in enumerate(turns) if turn is about)
    where = "" if about is turns[-1] else f", about the audio of messages[{number}]"
    why = f"a task ({task}) takes" if task else f"{info.label} holds"
    warning = f"{why} no conversation: the last question alone was answered{where}"
    return LastQuestion(about.clips, text, (warning,))

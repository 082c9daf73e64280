"""A conversation as turns that a model can read, checked: roles, no empty turn, clips of users."""

import re
from collections.abc import Sequence

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Conversation, Message, Part, question
from qwen_audio_tools.engines.families import Family
from qwen_audio_tools.errors import EngineRefused, EngineUnsupported

ROLES = ("system", "user", "assistant")

Turn = tuple[str, list[Part]]
"""A role and its texts and clips; texts that follow each other are one."""

# The base model is told the language of the speech at the end: the only tag that a text may bring.
_LANGUAGE_TAG = re.compile(r"<\|[a-z]{2,3}\|>\s*\Z")


def turns(conversation: Conversation) -> list[Turn]:
    """Return the turns of a conversation that ends with one of the user.

    Raises:
        EngineRefused: a turn is empty or of the wrong kind, or the last one is not the user's.
    """
    found: list[Turn] = [(message.role, _parts(message)) for message in conversation]
    for role, parts in found:
        if role not in ROLES:
            raise EngineRefused(f"{role!r} is no role of a turn: there are {', '.join(ROLES)}")
        if role == "user" and all(isinstance(part, str) and not part.strip() for part in parts):
            raise EngineRefused("a turn of the user is empty", hint="give it a clip or a question")
        if role != "user" and any(isinstance(part, Clip) for part in parts):
            raise EngineRefused(
                f"a clip stands in a turn of the {role}; the model hears those of the user only",
                hint="give the clip in a turn of the user",
            )
    if not found or found[-1][0] != "user":
        raise EngineRefused(
            "the conversation does not end with a turn of the user", hint="add what is asked"
        )
    return found


def without_tag(text: str) -> tuple[str, str]:
    """Return a prompt for a base model without the language tag at its end, and that tag."""
    tag = _LANGUAGE_TAG.search(text)
    return (text[: tag.start()], tag.group()) if tag else (text, "")


def asked(family: Family, conversation: Conversation, task: str) -> Conversation:
    """Return the conversation as the family wants it: one that only transcribes is not asked.

    Raises:
        EngineUnsupported: it only transcribes, and something else is asked.
    """
    if family.chats:
        return conversation
    wanted = task or question(conversation)
    if wanted and not _is_transcript(task, family):
        raise EngineUnsupported(
            f"models like {family.example} only transcribe: they read no question, and were asked "
            f"{wanted!r}",
            hint="qwa transcribe, or another model",
        )
    found = []
    for message in conversation:
        if message.role == "user":
            clips: tuple[Part, ...] = message.clips
            message = Message("user", clips + ((family.words,) if family.words else ()))
        found.append(message)
    return found


def _is_transcript(task: str, family: Family) -> bool:
    """Whether a transcript by that family is what the task wants: it may tell who speaks."""
    told = {"transcribe", "speakers"} if family.speakers else {"transcribe"}
    return set(task.split("+")) <= told


def check_count(family: Family | None, clips: Sequence[Clip], label: str) -> None:
    """Refuse more clips in a conversation than the family takes.

    Raises:
        EngineUnsupported: too many; `label` says of which engine.
    """
    most = None if family is None else family.clips
    if most is not None and len(clips) > most:
        raise EngineUnsupported(
            f"{len(clips)} clips in one conversation; {label} takes {most} at most",
            hint="ask about each clip on its own, or take Qwen2-Audio",
        )


def _parts(message: Message) -> list[Part]:
    """Return the parts of a turn; texts that follow each other are one, as in `Message.text`."""
    parts: list[Part] = []
    for part in message.parts:
        if isinstance(part, Clip):
            parts.append(part)
        elif not isinstance(part, str):
            raise EngineRefused(f"a turn holds texts and clips, not {type(part).__name__!r}")
        elif not part.isascii() and any("\ud800" <= letter <= "\udfff" for letter in part):
            raise EngineRefused(f"the text {part!r} is not Unicode", hint="write it in UTF-8")
        elif part and parts and isinstance(parts[-1], str):
            parts[-1] += "\n" + part
        elif part:
            parts.append(part)
    return parts

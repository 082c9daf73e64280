"""A conversation as the messages of a request, and texts that can't steer the model there."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import as_data, controls_in
from qwen_audio_tools.engines.server.dialects import Dialect
from qwen_audio_tools.engines.server.sounds import Sound
from qwen_audio_tools.engines.turns import Turn, without_tag

# Servers write texts of users into a template and read the whole with all control tokens. Which
# those are is known to the model's tokenizer, and that lies there: these are of the models that
# hear, and the marks by which servers find the place of a clip.
_MARK = re.compile(r"<\|[^|<>\s]{1,40}\|>")
_WORDS = frozenset(
    {
        *("<s>", "</s>", "<bos>", "<eos>", "<pad>", "<unk>", "[INST]", "[/INST]"),
        *("[AUDIO]", "[BEGIN_AUDIO]", "[TRANSCRIBE]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
        *("<start_of_turn>", "<end_of_turn>", "<start_of_audio>", "<end_of_audio>"),
        *("<audio_soft_token>", "<sound>", "<asr_text>", "<audio>", "</audio>"),
        *("<__media__>", "<##AUDIO##>", "<##IMAGE##>", "<##VIDEO##>", "<prompt_embeds>"),
    }
)


def quoted(turns: Sequence[Turn], dialect: Dialect, *, base: bool) -> list[Turn]:
    """Return the turns with control tokens in their texts broken up, where the server reads them.

    A prompt for a base model keeps the language tag at its end: it is one that steers.
    """
    if not dialect.marks:
        return list(turns)

    def quote(part: str | Clip) -> str | Clip:
        if isinstance(part, Clip):
            return part
        words, tag = without_tag(part) if base else (part, "")
        return _broken(words) + tag

    return [(role, [quote(part) for part in parts]) for role, parts in turns]


def broken_up(turns: Sequence[Turn], dialect: Dialect, *, base: bool) -> tuple[str, ...]:
    """Return a warning for each control token in a text: the server reads it as plain text."""
    if not dialect.marks:
        return ()
    texts = [part for _, parts in turns for part in parts if isinstance(part, str)]
    text = "\n".join(without_tag(text)[0] if base else text for text in texts)
    return tuple(
        f"{token!r} in a text is no control token here: the model reads {as_data(token, [token])!r}"
        for token in dict.fromkeys([*_MARK.findall(text), *controls_in(text, _WORDS)])
    )


def _broken(text: str) -> str:
    while marks := _MARK.findall(text):
        text = as_data(text, marks)
    return as_data(text, _WORDS)


def messages(
    turns: Sequence[Turn], sounds: Sequence[Sound], dialect: Dialect, known: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return the turns as messages; a sound that is `known` by its name goes without its data."""
    waiting = iter(sounds)
    return [_message(role, parts, waiting, dialect, known) for role, parts in turns]


def _message(
    role: str,
    parts: Sequence[str | Clip],
    sounds: Iterator[Sound],
    dialect: Dialect,
    known: Collection[str],
) -> dict[str, Any]:
    if not any(isinstance(part, Clip) for part in parts):
        return {"role": role, "content": "".join(map(str, parts))}
    content = [
        _audio(next(sounds), dialect, known)
        if isinstance(part, Clip)
        else {"type": "text", "text": part}
        for part in parts
    ]
    return {"role": role, "content": content}


def _audio(sound: Sound, dialect: Dialect, known: Collection[str]) -> dict[str, Any]:
    data = "" if sound.name in known else dialect.prefix + sound.data
    part: dict[str, Any] = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    if dialect.remembers:
        part["uuid"] = sound.name
    return part

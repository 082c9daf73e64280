"""What a sibling reads: its own chat template, with texts that can't steer it."""

from collections.abc import Sequence
from typing import Any

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Conversation, Message, as_data
from qwen_audio_tools.decoding import RATE
from qwen_audio_tools.engines.transformers import rendering
from qwen_audio_tools.engines.transformers.rendering import Notation
from qwen_audio_tools.errors import EngineRefused


def notation(processor: Any) -> Notation:
    """Return how a processor writes conversations.

    Siblings have control tokens that are not declared special, such as `<asr_text>`: whatever
    looks like a mark is taken for one.
    """
    tokenizer = processor.tokenizer
    controls = {
        token.content: int(index)
        for index, token in tokenizer.added_tokens_decoder.items()
        if token.special or (token.content.startswith("<") and token.content.endswith(">"))
    }
    duration = getattr(processor, "audio_duration_token", None)
    return Notation(
        processor=processor,
        controls=frozenset(controls) | ({duration} if duration else set()),
        control_ids=frozenset(controls.values()),
        audio_id=tokenizer.convert_tokens_to_ids(processor.audio_token),
    )


def ids(writing: Notation, conversation: Conversation, samples: Sequence[int]) -> list[int]:
    """Return the token ids of a conversation whose clips have so many `samples` at 16 kHz.

    Each clip is one placeholder still.

    Raises:
        EngineRefused: a text would be read as control tokens.
    """
    found = _tokens(writing, conversation, samples)
    plain = _tokens(writing, [_wordless(message) for message in conversation], samples)
    if _controls(writing, found) != _controls(writing, plain):
        raise EngineRefused(
            "a text of the conversation is read as control tokens of the model: "
            f"{[message.text for message in conversation if message.text]!r}",
            hint="write it without words in <| |> or other marks of the model",
        )
    return found


def check_texts(writing: Notation, conversation: Conversation) -> None:
    """Make sure that every text is read.

    Raises:
        EngineRefused: the checkpoint's chat template leaves one out.
    """
    written = rendering.render(writing, conversation)
    for message in conversation:
        for part in message.parts:
            if isinstance(part, str) and as_data(part, writing.controls).strip() not in written:
                raise EngineRefused(
                    f"the checkpoint's chat template leaves out {part!r}, a text of the "
                    f"{message.role}",
                    hint="say it in the turn of the user, or take another model",
                )


def _tokens(writing: Notation, conversation: Conversation, samples: Sequence[int]) -> list[int]:
    text = rendering.render(writing, conversation)
    duration = getattr(writing.processor, "audio_duration_token", None)
    if duration:
        for count in samples:
            text = text.replace(duration, f"{count / RATE:.2f}", 1)
    tokenizer = writing.processor.tokenizer
    begun = bool(tokenizer.bos_token) and text.startswith(tokenizer.bos_token)
    found: list[int] = tokenizer(text, add_special_tokens=not begun)["input_ids"]
    return found


def _wordless(message: Message) -> Message:
    parts = (part if isinstance(part, Clip) else "x" if part else part for part in message.parts)
    return Message(message.role, tuple(parts))


def _controls(writing: Notation, tokens: Sequence[int]) -> list[int]:
    return [token for token in tokens if token in writing.control_ids]

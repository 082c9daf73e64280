"""A conversation as the exact text that the model was trained on, and that text as token ids.

Texts are data: what looks like a control token in them is broken up, and the ids are compared
with those of the same turns without their words before any model reads them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Conversation, as_data, controls_in
from qwen_audio_tools.engines.transformers.prompt import AudioSpan, Prompt, Sound
from qwen_audio_tools.engines.turns import turns, without_tag
from qwen_audio_tools.errors import EngineRefused

_Turn = tuple[str, list[str | None]]
"""A role and its texts; None stands for a clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """How a checkpoint writes conversations; made once by `notation`.

    `controls` are its control tokens, `control_ids` what they are in ids. `base` is for models
    that continue a raw prompt instead of chatting.
    """

    processor: Any
    controls: frozenset[str]
    control_ids: frozenset[int]
    audio_id: int
    base: bool = False


def notation(processor: Any, *, base: bool = False) -> Notation:
    """Return how the processor of a Qwen2-Audio checkpoint writes conversations."""
    controls = control_tokens(processor.tokenizer)
    return Notation(
        processor=processor,
        controls=frozenset(controls),
        control_ids=frozenset(controls.values()),
        audio_id=processor.tokenizer.convert_tokens_to_ids(processor.audio_token),
        base=base,
    )


def control_tokens(tokenizer: Any) -> dict[str, int]:
    """Return the tokens that steer a model instead of standing for text, with their ids."""
    return {
        token.content: int(index)
        for index, token in tokenizer.added_tokens_decoder.items()
        if token.special or token.content.startswith("<|")
    }


def render(writing: Notation, conversation: Conversation) -> str:
    """Return the text that the model reads, with one placeholder a clip.

    Raises:
        EngineRefused: a turn is empty or of the wrong kind, or a base model is asked to chat.
    """
    return _written(writing, _quoted(writing, _turns(conversation)))


def prompt(
    writing: Notation, conversation: Conversation, sounds: Sequence[Sound], counts: Sequence[int]
) -> Prompt:
    """Return what the model reads; the k-th clip is `sounds[k]` and takes `counts[k]` tokens.

    Raises:
        EngineRefused: as `render`, or a text would be read as control tokens, or the clips and
            their placeholders are not equally many.
    """
    asked = _turns(conversation)
    ids = _ids(writing, _quoted(writing, asked))
    if _controls(writing, ids) != _controls(writing, _ids(writing, _wordless(writing, asked))):
        raise EngineRefused(
            f"a text of the conversation is read as control tokens of the model: "
            f"{[text for _, parts in asked for text in parts if text]!r}",
            hint="write it without words in <| |> or other marks of the model",
        )
    return expanded(ids, writing.audio_id, sounds, counts)


def expanded(
    ids: Iterable[int], audio_id: int, sounds: Sequence[Sound], counts: Sequence[int]
) -> Prompt:
    """Return the ids with the k-th `audio_id` repeated `counts[k]` times.

    Raises:
        EngineRefused: there is not one `audio_id` for each sound, or a count below 1.
    """
    ids = tuple(ids)
    places = ids.count(audio_id)
    if not places == len(sounds) == len(counts) or min(counts, default=1) < 1:
        raise EngineRefused(
            f"{len(sounds)} clips of {list(counts)!r} tokens do not fit the {places} places for "
            "audio in the prompt",
        )
    whole: list[int] = []
    spans: list[AudioSpan] = []
    for token in ids:
        if token != audio_id:
            whole.append(token)
            continue
        count = counts[len(spans)]
        spans.append(AudioSpan(len(whole), count, sounds[len(spans)].key))
        whole.extend([audio_id] * count)
    return Prompt(tuple(whole), tuple(spans))


def room(reading: Prompt, context: int) -> int:
    """Return how many tokens the model can still write where its context holds `context`.

    Raises:
        EngineRefused: the prompt alone fills it.
    """
    left = context - len(reading.ids)
    if left >= 1:
        return left
    raise EngineRefused(
        f"the conversation is {len(reading.ids)} tokens long, {reading.audio_tokens} of them for "
        f"{len(reading.spans)} clips; the model reads {context - 1} at most",
        hint="give fewer or shorter clips, or begin a new conversation",
    )


def broken_up(writing: Notation, conversation: Conversation) -> tuple[str, ...]:
    """Return a warning for each control token that a text contains: it is read as plain text."""
    texts = [
        _without_tag(writing, text)[0]
        for _, parts in _turns(conversation)
        for text in parts
        if text is not None
    ]
    return tuple(
        f"{token!r} in a text is no control token here: the model reads {as_data(token, [token])!r}"
        for token in controls_in("\n".join(texts), writing.controls)
    )


def _turns(conversation: Conversation) -> list[_Turn]:
    return [
        (role, [None if isinstance(part, Clip) else part for part in parts])
        for role, parts in turns(conversation)
    ]


def _quoted(writing: Notation, asked: Sequence[_Turn]) -> list[_Turn]:
    def quote(text: str) -> str:
        words, tag = _without_tag(writing, text)
        return as_data(words, writing.controls) + tag

    return [(role, [text and quote(text) for text in parts]) for role, parts in asked]


def _wordless(writing: Notation, asked: Sequence[_Turn]) -> list[_Turn]:
    return [
        (role, [text and "x" + _without_tag(writing, text)[1] for text in parts])
        for role, parts in asked
    ]


def _without_tag(writing: Notation, text: str) -> tuple[str, str]:
    return without_tag(text) if writing.base else (text, "")


def _written(writing: Notation, asked: Sequence[_Turn]) -> str:
    if writing.base:
        return _raw(writing, asked)
    messages = [
        {"role": role, "content": [_content(text) for text in parts]}
        if role == "user"
        else {"role": role, "content": "".join(text or "" for text in parts)}
        for role, parts in asked
    ]
    write = writing.processor.apply_chat_template
    try:
        return str(write(messages, add_generation_prompt=True, tokenize=False))
    except Exception as error:  # a template is a program of the checkpoint: it may raise anything
        raise EngineRefused(f"the checkpoint's chat template failed: {error}") from error


def _content(text: str | None) -> dict[str, str]:
    # Templates saved by old versions look for the key, new ones for the type: give both.
    return (
        {"type": "audio", "audio_url": "clip"} if text is None else {"type": "text", "text": text}
    )


def _raw(writing: Notation, asked: Sequence[_Turn]) -> str:
    if len(asked) > 1:
        raise EngineRefused(
            f"a base model continues one prompt, and this conversation has {len(asked)} turns",
            hint="ask the Instruct model, or set prompting = 'chat'",
        )
    made = writing.processor
    clip = f"{made.audio_bos_token}{made.audio_token}{made.audio_eos_token}"
    return "".join(clip if text is None else text for text in asked[0][1])


def _ids(writing: Notation, asked: Sequence[_Turn]) -> list[int]:
    text = _written(writing, asked)
    ids: list[int] = writing.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def _controls(writing: Notation, ids: Iterable[int]) -> list[int]:
    return [token for token in ids if token in writing.control_ids]

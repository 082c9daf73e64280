"""What is asked of the answer in words: its language, and the form of its JSON."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace

from qwen_audio_tools.conversation import Conversation, Message, question
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.errors import SettingsError

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_ASKED = {"zh": "请用中文回答。", "en": "Answer in English."}
_NEVER = {"transcribe", "translate", "language"}
"""Tasks whose answer is in a language of its own."""


def checked(options: Options) -> Options:
    """Return the options as they can be followed: a single stop string is one, not its letters.

    Raises:
        SettingsError: one of them cannot be.
    """
    most, stop = options.max_tokens, options.stop
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise SettingsError(
            f"max_tokens cannot be {most!r}: it is a whole number from 1 on", hint="512 is usual"
        )
    if options.lang not in (None, *_ASKED):
        raise SettingsError(
            f"lang cannot be {options.lang!r}: answers are in {' or '.join(_ASKED)}",
            hint="ask for another language in the question itself",
        )
    check_sampling(options)
    return replace(options, stop=(stop,)) if isinstance(stop, str) else options


def check_sampling(options: Options) -> None:
    """Refuse how tokens can't be chosen.

    Raises:
        SettingsError: a temperature, top_p or seed that cannot be.
    """
    temperature, top_p, seed = options.temperature, options.top_p, options.seed
    if temperature is not None and not (math.isfinite(temperature) and temperature >= 0):
        raise SettingsError(
            f"temperature cannot be {temperature!r}: it is 0 (the likeliest token) or more",
            hint="0.7 is usual",
        )
    if top_p is not None and not 0 < top_p <= 1:
        raise SettingsError(
            f"top_p cannot be {top_p!r}: it is above 0 and at most 1", hint="0.9 is usual"
        )
    if seed is not None and not 0 <= seed < 2**63:
        raise SettingsError(
            f"seed cannot be {seed!r}: it is a whole number from 0 to 2**63 - 1", hint="seed=0"
        )


def worded(conversation: Conversation, options: Options) -> Conversation:
    """Return the conversation with its last turn asking for what the options want.

    That is the language of the answer, where the question is in another one, and the schema: the
    model can be held to it without knowing it, but answers better when it does.
    """
    words = question(conversation)
    wanted = []
    if words and options.lang and options.task not in _NEVER and options.lang != _language(words):
        wanted.append(_ASKED[options.lang])
    if isinstance(options.schema, Mapping):
        schema = json.dumps(dict(options.schema), ensure_ascii=False)
        wanted.append(f"Answer with JSON that fits this schema: {schema}")
    if not wanted or not conversation:
        return conversation
    last = conversation[-1]
    return [*conversation[:-1], Message(last.role, (*last.parts, *wanted))]


def _language(words: str) -> str:
    return "zh" if _CHINESE.search(words) else "en"

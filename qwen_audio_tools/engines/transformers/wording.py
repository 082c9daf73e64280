"""What is asked of the answer in words: its language, and the form of its JSON."""

import json
import re

from qwen_audio_tools.conversation import Conversation, Message, question
from qwen_audio_tools.engines.base import Options

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_ASKED = {"zh": "请用中文回答。", "en": "Answer in English."}
_NEVER = {"transcribe", "translate", "language"}
"""Tasks whose answer is in a language of its own."""


def worded(conversation: Conversation, options: Options) -> Conversation:
    """Return the conversation with its last turn asking for what the options want.

    That is the language of the answer, where the question is in another one, and the schema: the
    model can be held to it without knowing it, but answers better when it does.
    """
    words = question(conversation)
    wanted = []
    if words and options.lang and options.task not in _NEVER and options.lang != _language(words):
        wanted.append(_ASKED[options.lang])
    if options.schema is not None:
        schema = json.dumps(dict(options.schema), ensure_ascii=False)
        wanted.append(f"Answer with JSON that fits this schema: {schema}")
    if not wanted or not conversation:
        return conversation
    last = conversation[-1]
    return [*conversation[:-1], Message(last.role, (*last.parts, *wanted))]


def _language(words: str) -> str:
    return "zh" if _CHINESE.search(words) else "en"

"""Chat methods whose events and spans carry no audio: a path stays, bytes become a name.

LlamaIndex writes every message whole into each event, and again at each token: 1.3 MB for 30 s of
WAV. So the messages are lightened before its decorators see them.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.llms.qwen_audio.messages import without_audio
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.dispatcher import DISPATCHER_SPAN_DECORATED_ATTR

_dispatcher = get_dispatcher(__name__)


def traced(method: Callable[..., Any]) -> Any:
    """Return the chat method with LlamaIndex's events around it, of messages without audio.

    The object that it belongs to says by `origin` where audio may come from.
    """
    inner = _dispatcher.span(llm_chat_callback()(method))

    def heard(self: Any, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        light = without_audio(messages, self.origin)
        return inner.__get__(self, type(self))(light, **kwargs)

    async def aheard(self: Any, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        return await heard(self, messages, **kwargs)

    outer = aheard if inspect.iscoroutinefunction(method) else heard
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(outer, name, getattr(method, name))
    # Without this mark LlamaIndex would put a span of its own around it, audio and all.
    setattr(outer, DISPATCHER_SPAN_DECORATED_ATTR, True)
    return outer

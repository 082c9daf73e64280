"""AudioAttachmentMiddleware: audio in a user's messages is kept once, and messages hold its id."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NotRequired

from langchain.agents.middleware import AgentMiddleware, AgentState
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage

from langchain_qwen_audio.access import policy_of
from langchain_qwen_audio.attachments import (
    attached,
    id_in,
    inline_block,
    is_audio,
    reference_block,
    shown_block,
)
from langchain_qwen_audio.chat_models import ChatQwenAudio
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.content_blocks import Origin, part_of
from qwen_audio_tools.conversation import as_data
from qwen_audio_tools.errors import ClipError
from qwen_audio_tools.sources.policy import SourcePolicy

Show = Callable[[str, ClipStore], dict[str, Any]]
Handler = Callable[[ModelRequest[Any]], ModelResponse[Any]]
AsyncHandler = Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]


class AudioState(AgentState[Any]):
    """The state of an agent with attachments: their ids, the latest last."""

    audio_refs: NotRequired[list[str]]


class AudioAttachmentMiddleware(AgentMiddleware[AudioState, Any, Any]):
    """Keeps what users attach in a ClipStore, so that checkpoints hold ids and not recordings.

    A model that hears nothing reads `[audio:ID name 63 s]`, by which it names the audio to tools;
    ChatQwenAudio gets the id, and any other model that hears the bytes.

    Args:
        store: where clips are kept; the toolkit needs the same one.
        policy: what blocks with a URL or path may open; nothing, unless it says so.
        on_error: "tell" the agent in place of audio that can't be opened, or "raise".
    """

    state_schema = AudioState

    def __init__(
        self,
        *,
        store: ClipStore | None = None,
        policy: SourcePolicy | None = None,
        on_error: Literal["tell", "raise"] = "tell",
    ) -> None:
        super().__init__()
        self.tools = []
        self._store = store or ClipStore()
        self._origin = Origin(policy=policy_of((), False, policy), store=self._store)
        self._on_error = on_error

    def before_agent(self, state: AudioState, runtime: Any) -> dict[str, Any] | None:
        """Keep the audio of messages, and put ids in its place."""
        kept = [self._kept(message) for message in state["messages"]]
        changed = [new for new, old in zip(kept, state["messages"], strict=True) if new is not old]
        refs = attached(kept, self._store)
        update: dict[str, Any] = {"messages": changed} if changed else {}
        if refs != state.get("audio_refs", []):
            update["audio_refs"] = refs
        return update or None

    async def abefore_agent(self, state: AudioState, runtime: Any) -> dict[str, Any] | None:
        """Do as `before_agent`, in a thread: it reads and writes files."""
        return await asyncio.to_thread(self.before_agent, state, runtime)

    def wrap_model_call(self, request: ModelRequest[Any], handler: Handler) -> ModelResponse[Any]:
        """Show the model each attachment in the way that it can take."""
        return handler(self._for_model(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: AsyncHandler
    ) -> ModelResponse[Any]:
        """Do as `wrap_model_call`."""
        return await handler(await asyncio.to_thread(self._for_model, request))

    def _kept(self, message: AnyMessage) -> AnyMessage:
        """Return a user's message with ids for audio; the same one if there is nothing to do."""
        if not isinstance(message, HumanMessage) or isinstance(message.content, str):
            return message
        blocks = [self._reference(block) for block in message.content]
        if blocks == message.content:
            return message
        return message.model_copy(update={"content": blocks})

    def _reference(self, block: Any) -> Any:
        if not is_audio(block) or block.get("file_id"):
            return block
        try:
            clip = part_of(block, self._origin)
            assert isinstance(clip, Clip)
            return reference_block(self._store.put(clip), self._store)
        except ClipError as error:
            if self._on_error == "raise":
                raise
            # A message that stays as it is would fail again at each further turn of the thread.
            return {"type": "text", "text": f"[audio that can't be opened: {as_data(str(error))}]"}

    def _for_model(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        show = self._way(request.model)
        if show is None:
            return request
        return request.override(messages=[self._shown(each, show) for each in request.messages])

    def _way(self, model: BaseChatModel) -> Show | None:
        """Return how this model is given an attachment; None leaves the id."""
        if isinstance(model, ChatQwenAudio) and model.store.folder == self._store.folder:
            return None
        return inline_block if (model.profile or {}).get("audio_inputs") else shown_block

    def _shown(self, message: AnyMessage, show: Show) -> AnyMessage:
        if not isinstance(message, HumanMessage) or isinstance(message.content, str):
            return message
        blocks = [self._shown_block(block, show) for block in message.content]
        return message.model_copy(update={"content": blocks})

    def _shown_block(self, block: Any, show: Show) -> Any:
        id = id_in(block)
        if id is None or not is_audio(block):
            return block
        if id in self._store:
            return show(id, self._store)
        return {"type": "text", "text": f"[audio:{id}, which is no longer kept here]"}

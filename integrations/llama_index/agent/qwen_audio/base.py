"""AudioReActAgent: LlamaIndex's ReAct agent, with the audio of tool results left in.

LlamaIndex writes an observation as text alone, so that audio which a tool returned is lost.
"""

from collections.abc import Sequence
from typing import Any

from llama_index.core.agent.react.formatter import ReActChatFormatter
from llama_index.core.agent.react.types import BaseReasoningStep, ObservationReasoningStep
from llama_index.core.agent.workflow import ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import AudioBlock, ChatMessage
from llama_index.core.bridge.pydantic import Field
from llama_index.core.memory import BaseMemory
from llama_index.core.tools import BaseTool
from llama_index.core.workflow import Context


class _HeardObservation(ObservationReasoningStep):
    """What a tool returned, with its audio."""

    audio: list[AudioBlock] = Field(default_factory=list)


class AudioReActChatFormatter(ReActChatFormatter):
    """Writes the steps of an agent as messages; an observation keeps its audio."""

    def format(
        self,
        tools: Sequence[BaseTool],
        chat_history: list[ChatMessage],
        current_reasoning: list[BaseReasoningStep] | None = None,
    ) -> list[ChatMessage]:
        """Return the messages that the model reads and hears next."""
        steps = current_reasoning or []
        messages = super().format(tools, chat_history, steps)
        for message, step in zip(messages[len(messages) - len(steps) :], steps, strict=True):
            if isinstance(step, _HeardObservation):
                message.blocks.extend(step.audio)
        return messages


class AudioReActAgent(ReActAgent):
    """A ReAct agent for an LLM that hears, such as QwenAudioLLM.

    A tool returns audio as an AudioBlock, or as a list of blocks alone.
    """

    formatter: ReActChatFormatter = Field(default_factory=AudioReActChatFormatter)

    async def handle_tool_call_results(
        self, ctx: Context[Any], results: list[ToolCallResult], memory: BaseMemory
    ) -> None:
        """Keep what the tools returned as observations, their audio included."""
        before = len(await ctx.store.get(self.reasoning_key, default=[]))
        await super().handle_tool_call_results(ctx, results, memory)
        steps: list[BaseReasoningStep] = await ctx.store.get(self.reasoning_key, default=[])
        observed = (
            (place, step)
            for place, step in enumerate(steps)
            if place >= before and isinstance(step, ObservationReasoningStep)
        )
        # A result that is returned directly ends the steps: there may be fewer than results.
        for (place, step), result in zip(observed, results, strict=False):
            audio = [each for each in result.tool_output.blocks if isinstance(each, AudioBlock)]
            if audio:
                steps[place] = _HeardObservation(
                    observation=step.observation or "(audio)",
                    return_direct=step.return_direct,
                    audio=audio,
                )
        await ctx.store.set(self.reasoning_key, steps)

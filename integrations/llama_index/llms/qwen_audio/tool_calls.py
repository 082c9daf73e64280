"""Tools called by a model that only writes text: LlamaIndex's ReAct format, and answers kept.

Up to 0.14.25 LlamaIndex passes None for the formatter and fails, and gives an empty answer where
the model needs no tool.
"""

from typing import Any

from llama_index.core.agent.react.formatter import ReActChatFormatter
from llama_index.core.agent.react.output_parser import ReActOutputParser
from llama_index.core.agent.react.types import BaseReasoningStep, ResponseReasoningStep
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms import LLM
from llama_index.core.tools import BaseTool


class _Parser(ReActOutputParser):
    """Keeps the answer that was written without a tool."""

    answer = ""

    def parse(self, output: str, is_streaming: bool = False) -> BaseReasoningStep:
        step = super().parse(output, is_streaming)
        if isinstance(step, ResponseReasoningStep):
            self.answer = step.response
        return step


class ToolCalls(LLM):
    """`predict_and_call` that works for a model without function calling."""

    def predict_and_call(
        self, tools: list[BaseTool], *args: Any, **kwargs: Any
    ) -> AgentChatResponse:
        """Let the model choose a tool, call it, and return what it gave; or the bare answer."""
        parser = _Parser()
        given = {"react_chat_formatter": ReActChatFormatter(), "output_parser": parser} | kwargs
        return _answered(super().predict_and_call(tools, *args, **given), parser)

    async def apredict_and_call(
        self, tools: list[BaseTool], *args: Any, **kwargs: Any
    ) -> AgentChatResponse:
        """Let the model choose a tool, as `predict_and_call`."""
        parser = _Parser()
        given = {"react_chat_formatter": ReActChatFormatter(), "output_parser": parser} | kwargs
        return _answered(await super().apredict_and_call(tools, *args, **given), parser)


def _answered(response: AgentChatResponse, parser: _Parser) -> AgentChatResponse:
    if not response.response and not response.sources:
        response.response = parser.answer
    return response

"""An agent that hears: a user attaches a recording, and the agent asks tools what is in it.

    python examples/langchain_agent.py --model openai:gpt-5-mini

Without it a script stands in for a language model. Needs the extras embedded and langchain.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_qwen_audio import AudioAttachmentMiddleware, QwenAudioToolkit, attach_audio

KITCHEN = Path(__file__).parent / "audio" / "kitchen.mp3"
ASKED = "What does the person say, and which noise is heard before?"
STEPS = (("transcribe", {}), ("ask_audio", {"question": "Which noise is heard, and when?"}))


class Script(BaseChatModel):
    """Calls the tools of STEPS, one after the other, and tells what they said."""

    _llm_type = "script"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        """Take any tools: the script knows their names."""
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        told = [message.text for message in messages if isinstance(message, ToolMessage)]
        if len(told) < len(STEPS):
            name, arguments = STEPS[len(told)]
            call = {"name": name, "args": arguments, "id": str(len(told))}
            answer = AIMessage("", tool_calls=[call])
        else:
            answer = AIMessage("\n".join(told))
        return ChatResult(generations=[ChatGeneration(message=answer)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask the agent about a recording, and print its answer."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", help="one that calls tools, as LangChain names it")
    parser.add_argument("--audio", type=Path, default=KITCHEN)
    chosen = parser.parse_args(arguments)
    tools = QwenAudioToolkit(engine="embedded").get_tools()
    model = chosen.model or Script()
    agent = create_agent(model, tools, middleware=[AudioAttachmentMiddleware()])
    asked = attach_audio(chosen.audio, text=ASKED)
    print(agent.invoke({"messages": [asked]})["messages"][-1].text)


if __name__ == "__main__":
    main()

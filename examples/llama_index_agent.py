"""An agent of LlamaIndex with ears: any LLM drives it, and the tools listen.

    python examples/llama_index_agent.py "What is the budget?" examples/audio/meeting.opus \
        --llm llama_index.llms.ollama:Ollama --option model=llama3.1

`--llm` is the class of any LLM of LlamaIndex; without it Qwen2-Audio drives the agent itself.
Needs: pip install 'qwen-audio-tools[embedded,llamaindex]', and the package of the LLM
"""

import argparse
import asyncio
from collections.abc import Sequence
from importlib import import_module

from llama_index.core.agent.workflow import AgentWorkflow, ToolCallResult
from llama_index.tools.qwen_audio import QwenAudioToolSpec

from qwen_audio_tools import open_engine


async def main(arguments: Sequence[str] | None = None) -> None:
    """Put one question about recordings to an agent, and show which tools it used."""
    parser = argparse.ArgumentParser(description="Ask an agent about recordings.")
    parser.add_argument("question")
    parser.add_argument("recordings", nargs="+")
    parser.add_argument("--llm", default="llama_index.llms.qwen_audio:QwenAudioLLM")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--ears", default="embedded", help="the engine that the tools ask")
    chosen = parser.parse_args(arguments)

    module, _, name = chosen.llm.partition(":")
    options = dict(option.split("=", 1) for option in chosen.option)
    llm = getattr(import_module(module), name)(**options)

    # The model hears nothing: it reads the id of each recording, and gives it to the tools.
    spec = QwenAudioToolSpec(open_engine(chosen.ears))
    attached = [spec.attach(recording) for recording in chosen.recordings]
    agent = AgentWorkflow.from_tools_or_functions(spec.to_tool_list(), llm=llm)

    run = agent.run(user_msg="\n".join([chosen.question, *attached]))
    async for event in run.stream_events():
        if isinstance(event, ToolCallResult):
            print(f"{event.tool_name}{tuple(event.tool_kwargs.values())}")
    print(await run)


if __name__ == "__main__":
    asyncio.run(main())

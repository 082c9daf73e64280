"""The examples run as they stand, from another folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

EXAMPLES = Path(__file__).parents[2] / "examples"
AUDIO = EXAMPLES / "audio"

CALLER = '''
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage, ChatResponse, LLMMetadata
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
import re


class Caller(FunctionCallingLLM):
    """Asks the tool once about the recording that the user attached, and repeats what it says."""

    tool: str

    @property
    def metadata(self):
        return LLMMetadata(is_chat_model=True, is_function_calling_model=True)

    def _prepare_chat_with_tools(self, tools, **kwargs):
        return {"messages": kwargs["chat_history"]}

    async def astream_chat(self, messages, **kwargs):
        async def pieces():
            last = messages[-1]
            blocks = [last.blocks[0]]
            if last.role == "user":
                question, attached = last.content.split(chr(10))
                values = {"audio_ref": re.search("[0-9a-f]{12}", attached)[0], "question": question}
                blocks = [ToolCallBlock(tool_call_id="1", tool_name=self.tool, tool_kwargs=values)]
            yield ChatResponse(message=ChatMessage(role="assistant", blocks=blocks))

        return pieces()

    def get_tool_calls_from_response(self, response, **kwargs):
        return [
            ToolSelection(tool_id="1", tool_name=b.tool_name, tool_kwargs=b.tool_kwargs)
            for b in response.message.blocks
            if isinstance(b, ToolCallBlock)
        ]

    def chat(self, *given, **more):
        raise NotImplementedError

    achat = stream_chat = complete = acomplete = stream_complete = astream_complete = chat
'''


@pytest.fixture
def run(tmp_path):
    """Run an example in an empty folder, in which modules may lie, and return what it prints."""

    def example(name: str, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, EXAMPLES / name, *map(str, arguments)],
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return example


def test_rag_answers_from_a_sound_that_no_transcript_has(run):
    printed = run("llama_index_rag.py", "Does a bell ring before the bags are mentioned?", AUDIO)
    answer, source = printed.splitlines()
    assert answer.startswith("Yes, at 0:0")
    assert answer.endswith("[bell 0:07–0:10]")
    assert "bell.flac#t=7." in source


def test_an_agent_of_any_llm_asks_the_tool_and_repeats_its_words(run, tmp_path):
    (tmp_path / "caller.py").write_text(CALLER)
    driver = ("--llm", "caller:Caller", "--option", "tool=ask_audio")
    printed = run("llama_index_agent.py", "What is the budget?", AUDIO / "meeting.opus", *driver)
    assert printed.startswith("ask_audio('")
    assert "$200,000" in printed


def test_qwen2_audio_may_drive_the_agent_itself(run, tmp_path_factory):
    model = write_checkpoint(tmp_path_factory.mktemp("models") / "Tiny-Audio-Instruct")
    driver = ("--option", f"engine=transformers:{model}", "--option", "max_tokens=8")
    assert run("llama_index_agent.py", "What is said?", AUDIO / "voicemail.wav", *driver).strip()

"""A LangChain agent gets its ears through MCP: LangChain's own adapter, and the printed config."""

import asyncio
import json
import os
import subprocess
import sys

import pytest
from langchain.agents import create_agent
from langchain_core._api import suppress_langchain_beta_warning
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage

with suppress_langchain_beta_warning():
    from langchain.mcp import MCPAdapter


class Scripted(GenericFakeChatModel):
    """A model that says what it is told to, and takes any tools."""

    def bind_tools(self, tools, **kwargs):
        return self


def _wishes(*calls):
    """Return the replies of a model that makes these calls, one after the other, and then ends."""
    for number, (name, arguments) in enumerate(calls):
        call = {"name": name, "args": arguments, "id": str(number), "type": "tool_call"}
        yield AIMessage("", tool_calls=[call])
    yield AIMessage("The budget is $200.")


@pytest.fixture(scope="module")
def config(folder):
    """What `qwa mcp --print-config` prints."""
    line = [
        sys.executable,
        "-m",
        "qwa",
        "mcp",
        "--engine",
        "embedded",
        "--no-links",
        "--print-config",
    ]
    printed = subprocess.run(line, cwd=folder, capture_output=True, check=True, timeout=60)
    found = json.loads(printed.stdout)
    found["mcpServers"]["qwa"]["env"] = dict(os.environ)
    return found


def test_an_agent_asks_reads_an_error_and_goes_on(config):
    calls = (
        ("transcribe", {"audio": "/etc/passwd"}),
        ("ask_audio", {"question": "what is the budget?", "audio": "said.wav"}),
    )

    async def story():
        async with MCPAdapter(config) as adapter:
            tools = await adapter.list_tools()
            agent = create_agent(Scripted(messages=_wishes(*calls)), tools)
            asked = {"messages": [("user", "What is the budget in said.wav?")]}
            return (await agent.ainvoke(asked))["messages"]

    messages = asyncio.run(story())
    refused, heard = [each for each in messages if isinstance(each, ToolMessage)]
    assert refused.status == "error"
    assert "outside the allowed folders" in refused.text
    assert heard.status == "success"
    assert "budget" in heard.text
    assert heard.artifact["structured_content"]["coverage"]["gaps"] == []
    # A file or audio block would be sent on to the model, and few models take one.
    assert {block["type"] for each in (refused, heard) for block in each.content} == {"text"}
    assert messages[-1].text == "The budget is $200."


def test_a_result_links_to_its_recording_unless_that_is_declined(connect, command, folder):
    words = ("--root", folder, "--engine", "embedded")
    (alone,) = connect(command(*words, "--no-links")).call("audio_info", audio="said.wav").content
    assert alone.type == "text"
    result = connect(command(*words)).call("audio_info", audio="said.wav")
    text, link = result.content
    assert text.type == "text"
    assert (link.type, link.uri) == ("resource_link", (folder / "said.wav").as_uri())
    assert (link.name, link.mime_type) == ("said.wav", "audio/wav")
    assert link.size == (folder / "said.wav").stat().st_size

"""Made recordings, and LLMs that reply from a script: one that calls functions, one that writes."""

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.bridge.pydantic import Field
from llama_index.core.llms import ChatMessage, ChatResponse, LLMMetadata, TextBlock
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.vector_stores.qwen_audio import LanceAudioStore

from qwen_audio_tools import open_engine
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing import church_bell, sequence, speech, write
from qwen_audio_tools.testing.made_archives import MadeArchive, made_archive
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

FIRST = "The market opens at nine o'clock on Saturday."
LAST = "Please bring your own bags."
QUOTED = 'It\'s "quoted" -- DROP TABLE nodes; \\ %_'


class FunctionCaller(FunctionCallingLLM):
    """Calls the tools of its script in order, then says its last words; keeps what it was given.

    A step is (tool, arguments), or a text.
    """

    script: list[Any]
    given: list[list[ChatMessage]] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True, is_function_calling_model=True)

    def _prepare_chat_with_tools(self, tools: Any, **kwargs: Any) -> dict[str, Any]:
        history = list(kwargs.get("chat_history") or [])
        return {"messages": history}

    def _next(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        step = self.script[len(self.given)]
        self.given.append(list(messages))
        block = (
            TextBlock(text=step)
            if isinstance(step, str)
            else ToolCallBlock(tool_call_id="1", tool_name=step[0], tool_kwargs=step[1])
        )
        return ChatResponse(message=ChatMessage(role="assistant", blocks=[block]))

    def get_tool_calls_from_response(self, response: ChatResponse, **_: Any) -> list[Any]:
        return [
            ToolSelection(tool_id="1", tool_name=block.tool_name, tool_kwargs=block.tool_kwargs)
            for block in response.message.blocks
            if isinstance(block, ToolCallBlock)
        ]

    def chat(self, messages: Any, **_: Any) -> ChatResponse:
        return self._next(messages)

    async def achat(self, messages: Any, **_: Any) -> ChatResponse:
        return self._next(messages)

    async def astream_chat(self, messages: Any, **_: Any) -> Any:
        async def pieces() -> Any:
            yield self._next(messages)

        return pieces()

    def stream_chat(self, messages: Any, **_: Any) -> Any:
        yield self._next(messages)

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        raise NotImplementedError

    stream_complete = acomplete = astream_complete = complete


@pytest.fixture(scope="session")
def function_caller() -> type[FunctionCaller]:
    return FunctionCaller


@pytest.fixture(scope="session")
def audio(tmp_path_factory) -> Path:
    """A folder with a sentence, a bell, and a bell between two sentences."""
    folder = tmp_path_factory.mktemp("audio")
    write(folder / "said.wav", speech("The budget is two hundred dollars."))
    write(folder / "bell.wav", church_bell())
    samples, _ = sequence([speech(FIRST), church_bell(), speech(LAST)])
    write(folder / "market.wav", samples)
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> MadeArchive:
    """A small archive with known words and sounds."""
    return made_archive(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def embedded() -> Any:
    return open_engine("embedded")


@pytest.fixture
def writer() -> Any:
    """Make an engine that writes freely what a script says, and knows no times."""

    def make(*script: Any, window: float = 30.0) -> ScriptedEngine:
        abilities = frozenset(Ability) - {Ability.TIMES}
        return ScriptedEngine(list(script), window=window, abilities=abilities)

    return make


@pytest.fixture(scope="session")
def web(audio) -> Iterator[str]:
    """The folder on a server of this machine, with what it was asked for not logged."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(audio))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def store(tmp_path) -> LanceAudioStore:
    """A store in a folder that isn't there yet."""
    return LanceAudioStore(uri=str(tmp_path / "nodes"))


@pytest.fixture
def filled(store) -> LanceAudioStore:
    """A store of three nodes, of two Documents."""
    sea = {"show": "Sea", "start": 0.0, "season": 1, "guest": QUOTED}
    rows = (
        ("a", "whales sing", [1.0, 0.0], "one", sea),
        ("b", "dogs bark", [0.0, 1.0], "one", {"show": "Land", "start": 31.5, "season": "1"}),
        ("c", "whales dive", [0.9, 0.1], "two", {"show": "Sea", "start": 60, "mood": None}),
    )
    for id, text, vector, document, metadata in rows:
        source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document)}
        made = TextNode(id_=id, text=text, embedding=vector, metadata=metadata)
        store.add([made.model_copy(update={"relationships": source})])
    return store

"""What a model reads of each tool: name, description and arguments, in the words of the core."""

from typing import Any

from llama_index.core.bridge.pydantic import BaseModel, Field, create_model
from llama_index.core.tools.types import ToolMetadata

from qwen_audio_tools.agents import wording
from qwen_audio_tools.agents.searching import MOST_FOUND
from qwen_audio_tools.agents.wording import ToolWords

_START = (float | None, Field(default=None, description=wording.START))
_END = (float | None, Field(default=None, description=wording.END))
_LANGUAGE = (str | None, Field(default=None, description=wording.LANGUAGE))
_QUESTION = (str, Field(description=wording.QUESTION))
_MAY_ASK = (str, Field(default="", description=wording.QUESTION))
_QUERY = (str, Field(description=wording.QUERY))
_COUNT = (int, Field(default=5, ge=1, le=MOST_FOUND, description=wording.COUNT))
_CUT_START = (float, Field(description="The second at which the part begins."))
_CUT_END = (float, Field(description="The second at which the part ends."))

# Beside these each tool but the search has `audio_ref`, and comparing has `audio_refs`.
_TOOLS: dict[str, tuple[ToolWords, dict[str, Any]]] = {
    words.name: (words, arguments)
    for words, arguments in (
        (wording.ASK, {"question": _QUESTION, "start": _START, "end": _END}),
        (wording.TRANSCRIBE, {"start": _START, "end": _END, "language": _LANGUAGE}),
        (wording.DESCRIBE, {"start": _START, "end": _END}),
        (wording.COMPARE, {"question": _MAY_ASK}),
        (wording.INFO, {}),
        (wording.CUT, {"start": _CUT_START, "end": _CUT_END}),
        (wording.SEARCH, {"query": _QUERY, "k": _COUNT}),
    )
}


def metadata_of(name: str, takes: str) -> ToolMetadata | None:
    """Return what a model reads of the tool; `takes` says which recordings can be named.

    None for a name that is no tool here: LlamaIndex then reads the function itself.
    """
    if name not in _TOOLS:
        return None
    words, arguments = _TOOLS[name]
    one = (str, Field(description=wording.NAMED.format(takes=takes)))
    several = (list[str], Field(min_length=2, description=wording.AUDIOS.format(takes=takes)))
    audio = {"compare_audio": {"audio_refs": several}, "search_audio": {}}
    schema: type[BaseModel] = create_model(name, **audio.get(name, {"audio_ref": one}), **arguments)
    return ToolMetadata(name=words.name, description=words.about, fn_schema=schema)

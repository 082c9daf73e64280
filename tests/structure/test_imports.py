"""What importing costs: counted in modules, not in seconds."""

import subprocess
import sys
from importlib import import_module
from importlib.resources import files
from types import ModuleType

import pytest

HEAVY = {
    *("numpy", "av", "soundfile", "soxr", "pydub", "matplotlib", "rich", "pydantic", "httpx"),
    *("faster_whisper", "ctranslate2", "onnxruntime", "tokenizers", "sentencepiece"),
    *("feedparser", "vaderSentiment", "huggingface_hub", "requests", "torch", "transformers"),
    *("anyio", "asyncio", "mcp", "mcp_types", "prometheus_client", "starlette", "uvicorn"),
    *("langchain", "langchain_core", "langgraph", "llama_index", "espeakng_loader"),
}


@pytest.mark.parametrize(
    "module", ["qwen_audio_tools", "qwen_audio_tools.engines", "qwa.app", "langchain_qwen_audio"]
)
def test_importing_loads_nothing_heavy(module):
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(HEAVY & set(run.stdout.split())) == []


LLAMA_INDEX = (
    *("agent", "embeddings", "llms", "node_parser", "postprocessor", "prompts", "query_engine"),
    *("readers", "retrievers", "tools", "vector_stores"),
)


@pytest.mark.parametrize(
    "package",
    [
        "qwen_audio_tools",
        "qwa",
        "langchain_qwen_audio",
        *(f"llama_index.{part}.qwen_audio" for part in LLAMA_INDEX),
    ],
)
def test_each_package_says_that_it_is_typed(package):
    assert files(package).joinpath("py.typed").is_file()


@pytest.mark.parametrize("part", LLAMA_INDEX)
def test_a_package_of_llama_index_has_its_whole_surface_in_all(part):
    package = import_module(f"llama_index.{part}.qwen_audio")
    shown = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert sorted(package.__all__) == sorted(shown)


def test_our_packages_of_llama_index_load_no_engine_no_index_and_no_audio_library():
    names = [f"llama_index.{part}.qwen_audio" for part in LLAMA_INDEX]
    code = f"import sys, {', '.join(names)}; print(*{{n.partition('.')[0] for n in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {"av", "soundfile", "soxr", "pydub", "ctranslate2", "onnxruntime", "torch"}
    ours |= {"lancedb", "pyarrow"}
    assert sorted(ours & set(run.stdout.split())) == []


def test_the_llama_index_namespace_stays_open_to_its_other_packages():
    # An __init__.py in llama_index/, or in the level below it, hides every other llama_index-*.
    code = "import importlib.util as u; s = u.find_spec('llama_index'); print(s and s.origin)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "None"

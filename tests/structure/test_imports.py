"""What importing costs: counted in modules, not in seconds."""

import subprocess
import sys
from importlib.resources import files

import pytest

HEAVY = {
    *("numpy", "av", "soundfile", "soxr", "pydub", "matplotlib", "rich", "pydantic", "httpx"),
    *("faster_whisper", "ctranslate2", "onnxruntime", "tokenizers", "sentencepiece"),
    *("feedparser", "vaderSentiment", "huggingface_hub", "requests", "torch", "transformers"),
    *("langchain_core", "llama_index", "espeakng_loader"),
}


@pytest.mark.parametrize("module", ["qwen_audio_tools", "qwen_audio_tools.engines", "qwa.app"])
def test_importing_loads_nothing_heavy(module):
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(HEAVY & set(run.stdout.split())) == []


@pytest.mark.parametrize("package", ["qwen_audio_tools", "qwa"])
def test_each_package_says_that_it_is_typed(package):
    assert files(package).joinpath("py.typed").is_file()


def test_the_llama_index_namespace_stays_open_to_its_other_packages():
    # An __init__.py in llama_index/, or in the level below it, hides every other llama_index-*.
    code = "import importlib.util as u; s = u.find_spec('llama_index'); print(s and s.origin)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "None"

"""Real servers with one tiny random Qwen2-Audio, each started when first needed, for the session.

A test below this folder asks for `vllm`, `transformers_serve`, `llama_cpp`, or `llama_cpp_deaf`.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qwen_audio_tools.testing import speech
from qwen_audio_tools.testing.made_checkpoints import write_checkpoint
from tests.servers import environments
from tests.servers.made_gguf import write_gguf
from tests.servers.running import Server, free_port, running

HERE = Path(__file__).parent
MODEL = "Qwen2-Audio-Tiny-Instruct"
CONTEXT = 2048
API_KEY = "key-of-the-tests"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build a missing environment before the first test, so that no test's time limit counts it."""
    if session.config.option.collectonly:
        return
    needed = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    for name in environments.NAMES:
        missing = not environments.why_not(name) and not environments.is_built(name)
        if f"{name}_python" in needed and missing:
            if reporter:
                reporter.write_line(f"building {environments.folder_of(name)}: some minutes, once")
            with contextlib.suppress(environments.EnvironmentFailedError):
                environments.python_of(name)  # it fails again where a test asks for it, and tells


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the checkpoint that all of these servers have."""
    return write_checkpoint(tmp_path_factory.mktemp("served") / MODEL)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def spoken() -> np.ndarray:
    """A sentence of some two seconds."""
    return np.asarray(speech("The kettle is on the stove."), np.float32)


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The interpreter that has vLLM."""
    if reason := environments.why_not("vllm"):
        pytest.skip(reason)
    return environments.python_of("vllm")


def _vllm(python: Path, tiny: Path, log: Path, *options: str) -> Iterator[Server]:
    port = free_port()
    command = [
        *(str(python), "-W", "ignore::DeprecationWarning"),
        # The command `vllm` looks for a package of that name, and this one has another.
        *("-m", "vllm.entrypoints.openai.api_server", "--model", tiny.name),
        *("--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--enforce-eager"),
        *("--max-model-len", str(CONTEXT)),
        # One process less, and no more memory than a few short prompts need.
        *("--distributed-executor-backend", "uni", "--kv-cache-memory-bytes", "64M"),
        *options,
    ]
    alone = {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # allows the executor above
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "TORCHDYNAMO_DISABLE": "1",  # log-probabilities would be compiled by the machine's C++
    }
    with running(
        command, port=port, model=MODEL, log=log, cwd=tiny.parent, environment=alone
    ) as server:
        yield server


@pytest.fixture(scope="session")
def vllm(vllm_python: Path, tiny: Path, logs: Path) -> Iterator[Server]:
    """vLLM, which tells how many tokens of a prompt are sound."""
    yield from _vllm(vllm_python, tiny, logs / "vllm.log", "--enable-prompt-tokens-details")


@pytest.fixture(scope="module")
def vllm_locked(vllm_python: Path, tiny: Path, logs: Path) -> Iterator[Server]:
    """vLLM as it starts without options, but for those who know the key of the tests."""
    yield from _vllm(vllm_python, tiny, logs / "vllm-locked.log", "--api-key", API_KEY)


@pytest.fixture(scope="session")
def transformers_serve(tiny: Path, logs: Path) -> Iterator[Server]:
    """`transformers serve`, pinned to the checkpoint."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "transformers.cli.transformers", "serve", tiny.name),
        *("--host", "127.0.0.1", "--port", str(port), "--device", "cpu"),
    ]
    log = logs / "transformers.log"
    with running(command, port=port, model=MODEL, log=log, cwd=tiny.parent) as server:
        yield server


@pytest.fixture(scope="session")
def gguf_files(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The checkpoint as llama.cpp loads it: the model, and its ears."""
    return write_gguf(tiny, tmp_path_factory.mktemp("gguf"))


def _llama_cpp(model: Path, log: Path, *options: str) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, str(HERE / "llama_server.py"), str(model)]
    command += ["--port", str(port), "--alias", MODEL, *options]
    with running(command, port=port, model=MODEL, log=log) as server:
        yield server


@pytest.fixture(scope="session")
def llama_cpp(gguf_files: tuple[Path, Path], logs: Path) -> Iterator[Server]:
    """llama.cpp's server with a model that hears."""
    model, ears = gguf_files
    yield from _llama_cpp(model, logs / "llama.log", "--ears", str(ears))


@pytest.fixture(scope="session")
def llama_cpp_deaf(gguf_files: tuple[Path, Path], logs: Path) -> Iterator[Server]:
    """llama.cpp's server with the same model without its ears."""
    yield from _llama_cpp(gguf_files[0], logs / "deaf.log")


@pytest.fixture(scope="session")
def llama_cpp_locked(gguf_files: tuple[Path, Path], logs: Path) -> Iterator[Server]:
    """llama.cpp's server with ears, for those who know the key of the tests."""
    model, ears = gguf_files
    options = ("--ears", str(ears), "--api-key", API_KEY)
    yield from _llama_cpp(model, logs / "locked.log", *options)

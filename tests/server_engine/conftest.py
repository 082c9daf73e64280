"""Servers on loopback that do as they are told, and engines that ask them with little patience."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from qwen_audio_tools import Clip
from qwen_audio_tools.engines.server.addresses import addresses
from qwen_audio_tools.engines.server.engine import ServerEngine
from qwen_audio_tools.engines.server.watching import Patience
from qwen_audio_tools.settings import read
from qwen_audio_tools.testing import RATE, smoke_alarm, speech, tone
from qwen_audio_tools.testing.scripted_server import ScriptedServer

MODEL = "Qwen/Qwen2-Audio-7B-Instruct"
HASTY = Patience(connect=1.5, silence=0.3, life=0.5, glance=2.0)

Serve = Callable[..., ScriptedServer]
Ask = Callable[..., ServerEngine]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's keys are sent to the servers of these tests."""
    for name in ("QWA_SERVER_KEY", "OPENAI_API_KEY", "DASHSCOPE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that plays these reactions, with the other fields of ScriptedServer."""
    with ExitStack() as stack:

        def start(*script: Any, **fields: Any) -> ScriptedServer:
            return stack.enter_context(ScriptedServer(script, **fields))

        yield start


@pytest.fixture
def engine_of() -> Iterator[Ask]:
    """Open an engine for servers, or for URLs; settings and the model go by their names."""
    with ExitStack() as stack:

        def start(*servers: ScriptedServer | str, model: str = MODEL, **settings: Any) -> Any:
            urls = [each if isinstance(each, str) else each.url for each in servers]
            patience = settings.pop("patience", HASTY)
            values = read(**{"server_timeout": 20.0, **settings})
            engine = ServerEngine(model, addresses(urls), values, patience)
            stack.callback(engine.close)
            return engine

        yield start


@pytest.fixture(scope="session")
def talk() -> Clip:
    return Clip((speech("Good morning. The train to the coast leaves at nine."), RATE))


@pytest.fixture(scope="session")
def alarm() -> Clip:
    """Twelve seconds: more audio tokens than a short question has bytes."""
    return Clip((np.resize(np.asarray(smoke_alarm(), np.float32), 12 * RATE), RATE))


@pytest.fixture(scope="session")
def long_tone() -> Clip:
    """95 seconds: more than three windows of a model that hears 30."""
    return Clip((tone(seconds=95.0), RATE))

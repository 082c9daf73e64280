"""`batch` and `abatch`: each input is a run of its own, and the engine answers them at once."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_config_list, get_executor_for_config
from langchain_core.runnables.utils import gather_with_concurrency

from langchain_qwen_audio.chat_calls import gathered
from qwen_audio_tools.engines.base import BatchEngine, Engine
from qwen_audio_tools.gathering import Gathering

MOST = 32
"""Inputs at a time where `max_concurrency` says nothing: each is a thread that waits."""

Configs = RunnableConfig | list[RunnableConfig] | None


def alone(engine: Engine, inputs: Sequence[LanguageModelInput]) -> bool:
    """Whether nothing is gained by asking the engine all inputs at once."""
    return len(inputs) < 2 or not isinstance(engine, BatchEngine)


def batch(
    ask: Callable[[LanguageModelInput, RunnableConfig], AIMessage],
    inputs: Sequence[LanguageModelInput],
    config: Configs,
    return_exceptions: bool,
) -> list[AIMessage | Exception]:
    """Return what `ask` gives for each input; what it asks of the engine comes together."""
    configs = get_config_list(config, len(inputs))
    most = min(len(inputs), configs[0].get("max_concurrency") or MOST)

    def one(given: LanguageModelInput, own: RunnableConfig) -> AIMessage | Exception:
        with together.part():
            try:
                return ask(given, own)
            except Exception as error:
                if return_exceptions:
                    return error
                raise

    bounded: RunnableConfig = {**configs[0], "max_concurrency": most}
    with _together(len(inputs), most) as together, get_executor_for_config(bounded) as pool:
        try:
            return list(pool.map(one, inputs, configs))
        except BaseException:
            together.stop()
            raise


async def abatch(
    ask: Callable[[LanguageModelInput, RunnableConfig], Awaitable[AIMessage]],
    inputs: Sequence[LanguageModelInput],
    config: Configs,
    return_exceptions: bool,
) -> list[AIMessage | Exception]:
    """Return what `ask` gives for each input, as `batch` does."""
    configs = get_config_list(config, len(inputs))
    most = min(len(inputs), configs[0].get("max_concurrency") or MOST)

    async def one(given: LanguageModelInput, own: RunnableConfig) -> AIMessage | Exception:
        with together.part():
            try:
                return await ask(given, own)
            except Exception as error:
                if return_exceptions:
                    return error
                raise

    with _together(len(inputs), most) as together:
        try:
            found: list[Any] = await gather_with_concurrency(most, *map(one, inputs, configs))
            return found
        except BaseException:
            together.stop()
            raise


@contextmanager
def _together(expected: int, most: int) -> Iterator[Gathering]:
    together = Gathering(expected, most)
    token = gathered.set(together)
    try:
        yield together
    finally:
        gathered.reset(token)

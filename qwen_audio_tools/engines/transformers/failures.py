"""Errors of torch and transformers, turned into ours at the engine's edge."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qwen_audio_tools.engines.transformers.fitting import ways_out
from qwen_audio_tools.engines.transformers.loading import memory
from qwen_audio_tools.errors import EngineOutOfMemory, EngineRefused, QwenAudioError

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.reuse.kept import Kept


@contextmanager
def failures(kept: "Kept", device: str) -> Iterator[None]:
    """Turn any other failure into an error of ours; where memory ran out, give back what is kept.

    Raises:
        EngineOutOfMemory: there was not enough memory.
        EngineRefused: the model, or a program of its checkpoint, failed in another way.
    """
    try:
        yield
    except QwenAudioError:
        raise
    except Exception as error:  # what libraries and checkpoints raise is theirs to choose
        if memory.ran_out(error):
            kept.clear()
            # The error outlives us: without this it would hold on to all that was computed.
            traceback.clear_frames(error.__traceback__)
            raise EngineOutOfMemory(
                f"the model ran out of memory while answering: {_first_line(error)}",
                hint=ways_out(device),
            ) from error
        raise EngineRefused(
            f"the model failed while answering: {_first_line(error)}", hint="qwa doctor"
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__

"""Whether there is memory for a reply, and how much may be kept for the next one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from qwen_audio_tools.engines.transformers.loading import free_memory, memory, parameters
from qwen_audio_tools.engines.transformers.prompt import Prompt
from qwen_audio_tools.errors import EngineOutOfMemory
from qwen_audio_tools.settings import Settings

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.loading.model_loading import Loaded
    from qwen_audio_tools.engines.transformers.reuse.kept import Kept


@dataclass(frozen=True, slots=True)
class Fitting:
    """Compares what prompts take in the memory of a device with what is free there.

    A token takes `token_bytes` for its keys and values; `free` tells the free bytes, if it can.
    """

    device: str
    token_bytes: int
    free: Callable[[], int | None]

    def budget(self, settings: Settings) -> int:
        """Return how many bytes may be kept.

        That is what the settings say; where nobody said so, at most half of what is free.
        """
        budget, free = settings.reuse_mb * 1_000_000, self.free()
        if free is None or settings.origin("reuse_mb") != "default":
            return budget
        return min(budget, free // 2)

    def make_room(self, prompts: Sequence[Prompt], kept: "Kept") -> None:
        """Let go of what is kept if the keys and values of the prompts don't fit beside it.

        Raises:
            EngineOutOfMemory: nor would they alone. A system that promises more memory than it
                has would end the process instead.
        """
        if self._fits(sum(len(prompt.ids) for prompt in prompts) * self.token_bytes):
            return
        kept.clear()
        needed = distinct(prompts) * self.token_bytes
        if not self._fits(needed):
            raise EngineOutOfMemory(
                f"the conversation needs {memory.gigabytes(needed)} of memory on {self.device} "
                f"beside the model, but only {memory.gigabytes(self.free() or 0)} are free",
                hint=ways_out(self.device),
            )

    def _fits(self, needed: int) -> bool:
        # Elsewhere torch holds back memory for its next tensors, and fails with an error.
        free = self.free() if self.device == "cpu" else None
        return free is None or needed <= free


def fitting(loaded: "Loaded") -> Fitting:
    """Return what tells whether prompts fit beside a loaded model."""
    device = loaded.placement.device
    numbers = parameters.text_shape(loaded.checkpoint.config).kv_numbers
    size = numbers * loaded.model.dtype.itemsize
    return Fitting(device, size, partial(free_memory.of_device, device))


def distinct(prompts: Sequence[Prompt]) -> int:
    """Return how many tokens of the prompts are computed apart: what several begin with is one."""
    from qwen_audio_tools.engines.transformers.generating.filling import common

    rows = sorted(prompt.keys for prompt in prompts)
    return sum(map(len, rows)) - sum(map(common, pairwise(rows)))


def ways_out(device: str) -> str:
    """Return what may help where a conversation doesn't fit beside a model that did."""
    other = "--quantize 8bit" if device == "cpu" else "--quantize 4bit, or --device cpu"
    return f"ask with shorter clips or fewer at once, or {other}"

"""Whether there is memory for a reply, and how much may be kept for the next one."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from qwen_audio_tools.engines.transformers.loading import free_memory, memory, parameters
from qwen_audio_tools.engines.transformers.prompt import Prompt
from qwen_audio_tools.errors import EngineOutOfMemory
from qwen_audio_tools.settings import Settings

if TYPE_CHECKING:
    from qwen_audio_tools.engines.transformers.loading.model_loading import Loaded
    from qwen_audio_tools.engines.transformers.reuse.kept import Kept


class Fitting:
    """Compares what prompts take in the memory of one model's device with what is free there.

    `budget` is how many bytes may be kept: what the settings say, but where nobody said so at
    most half of what is free beside the weights.
    """

    def __init__(self, loaded: "Loaded", settings: Settings) -> None:
        self._device = loaded.placement.device
        numbers = parameters.text_shape(loaded.checkpoint.config).kv_numbers
        self._token_bytes = numbers * loaded.model.dtype.itemsize
        self.budget = settings.reuse_mb * 1_000_000
        free = free_memory.of_device(self._device)
        if free is not None and settings.origin("reuse_mb") == "default":
            self.budget = min(self.budget, free // 2)

    def make_room(self, prompts: Sequence[Prompt], kept: "Kept") -> None:
        """Let go of what is kept if the keys and values of the prompts don't fit beside it.

        Raises:
            EngineOutOfMemory: nor would they alone. A system that promises more memory than it
                has would end the process instead.
        """
        needed = sum(len(prompt.ids) for prompt in prompts) * self._token_bytes
        if self._fits(needed):
            return
        kept.clear()
        if self._fits(needed := distinct(prompts) * self._token_bytes):
            return
        free = free_memory.of_device(self._device) or 0
        raise EngineOutOfMemory(
            f"the conversation needs {memory.gigabytes(needed)} of memory on {self._device} "
            f"beside the model, but only {memory.gigabytes(free)} are free",
            hint="ask with shorter clips or fewer at once",
        )

    def _fits(self, needed: int) -> bool:
        # On a GPU torch itself holds memory back for its next tensors, and fails with an error.
        if not self._device.startswith("cpu"):
            return True
        free = free_memory.of_device(self._device)
        return free is None or needed <= free


def distinct(prompts: Sequence[Prompt]) -> int:
    """Return how many tokens of the prompts are computed apart: what several begin with is one."""
    from qwen_audio_tools.engines.transformers.generating.filling import common

    rows = sorted(prompt.keys for prompt in prompts)
    return sum(map(len, rows)) - sum(map(common, pairwise(rows)))

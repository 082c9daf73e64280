"""What the engine asks of a loaded model, whatever family it belongs to."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.engines.transformers.prompt import Prompt, Sound

if TYPE_CHECKING:
    import torch


class Adapter(Protocol):
    """A model and its processor, taken apart into the steps that can be reused one by one.

    It is made as `adapter(loaded, exact=…, kept=…)`; `exact` keeps to the arithmetic of the model's
    own `generate` wherever there is a choice, and what it keeps of sounds is in `kept`.
    """

    tokenizer: Any
    generation_config: Any
    device: "torch.device"
    shares_prefix: bool  # `forward` takes a `shared_prefix`: generating/shared_attention.py

    def prompt(self, conversation: Conversation, sounds: Sequence[Sound], task: str) -> Prompt:
        """Return what the model reads; `sounds` are the clips of the conversation, in order."""
        ...

    def warnings(self, conversation: Conversation) -> tuple[str, ...]:
        """Return what of the conversation's texts is not read as it was written."""
        ...

    def audio_tokens(self, sound: Sound) -> int:
        """Return how many tokens a sound of that length must become."""
        ...

    def encode(self, sounds: Sequence[Sound]) -> "list[torch.Tensor]":
        """Return what the language model hears of each: (tokens, width), in their order."""
        ...

    def embed(self, ids: "torch.Tensor") -> "torch.Tensor":
        """Return the embeddings of token ids: (rows, length) to (rows, length, width)."""
        ...

    def forward(
        self,
        embeddings: "torch.Tensor",
        *,
        positions: "torch.Tensor",
        mask: "torch.Tensor | None",
        cache: Any,
        **attention: Any,
    ) -> "torch.Tensor":
        """Run the language model over (rows, length, width) and return its last hidden states.

        `positions` is (rows, length); `mask` is (rows, cached + length), 1 where there is a token,
        None if there is no padding; `cache` is a transformers `Cache`, extended in place.
        """
        ...

    def head(self, hidden: "torch.Tensor") -> "torch.Tensor":
        """Return logits, (..., width) to (..., vocabulary)."""
        ...

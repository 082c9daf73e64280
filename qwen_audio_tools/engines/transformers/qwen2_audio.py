"""Qwen2-Audio itself, taken apart so that each step is done once, and on no more than is needed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qwen_audio_tools.conversation import Conversation
from qwen_audio_tools.engines.transformers import rendering
from qwen_audio_tools.engines.transformers.generating.language_model import last_states
from qwen_audio_tools.engines.transformers.prompt import Prompt, Sound

if TYPE_CHECKING:
    import torch

    from qwen_audio_tools.engines.transformers.loading.model_loading import Loaded
    from qwen_audio_tools.engines.transformers.reuse.kept import Kept


class Qwen2Audio:
    """The `Adapter` of Qwen2-Audio. `exact` keeps to the arithmetic of its own `generate`.

    It has nothing to put in `kept`: how many tokens a sound becomes is arithmetic here.
    """

    def __init__(
        self, loaded: "Loaded", *, exact: bool = False, kept: "Kept | None" = None
    ) -> None:
        from qwen_audio_tools.engines.transformers.generating import shared_attention

        self._model, self._extractor = loaded.model, loaded.processor.feature_extractor
        self._language_model = loaded.model.model.language_model
        self._writing = rendering.notation(loaded.processor, base=loaded.checkpoint.base)
        self._exact = exact
        if not exact:
            shared_attention.enable(self._language_model)
        self.shares_prefix = shared_attention.enabled(self._language_model)
        self.tokenizer = loaded.processor.tokenizer
        self.generation_config: Any = loaded.model.generation_config
        self.device: torch.device = loaded.model.device

    def prompt(self, conversation: Conversation, sounds: Sequence[Sound], task: str) -> Prompt:
        """Return what the model reads; every task is asked for in words."""
        counts = [self.audio_tokens(sound) for sound in sounds]
        return rendering.prompt(self._writing, conversation, sounds, counts)

    def warnings(self, conversation: Conversation) -> tuple[str, ...]:
        """Return what of the conversation's texts is not read as it was written."""
        return rendering.broken_up(self._writing, conversation)

    def audio_tokens(self, sound: Sound) -> int:
        """Return how many tokens a sound becomes: 25 a second."""
        from qwen_audio_tools.engines.transformers.hearing.encoder import token_count

        return token_count(len(sound.samples))

    def encode(self, sounds: Sequence[Sound]) -> "list[torch.Tensor]":
        """Return what the language model hears of each: (tokens, width), in their order."""
        from qwen_audio_tools.engines.transformers.hearing import encoder

        run = encoder.encode_exact if self._exact else encoder.encode
        heard: list[torch.Tensor] = run(
            self._model, self._extractor, [sound.samples for sound in sounds]
        )
        return heard

    def embed(self, ids: "torch.Tensor") -> "torch.Tensor":
        """Return the embeddings of token ids: (rows, length) to (rows, length, width)."""
        embeddings: torch.Tensor = self._language_model.embed_tokens(ids)
        return embeddings

    def forward(
        self,
        embeddings: "torch.Tensor",
        *,
        positions: "torch.Tensor",
        mask: "torch.Tensor | None",
        cache: Any,
        **attention: Any,
    ) -> "torch.Tensor":
        """Run the language model and return its last hidden states; see `Adapter`."""
        return last_states(
            self._language_model,
            embeddings,
            positions=positions,
            mask=mask,
            cache=cache,
            **attention,
        )

    def head(self, hidden: "torch.Tensor") -> "torch.Tensor":
        """Return logits, (..., width) to (..., vocabulary)."""
        logits: torch.Tensor = self._model.lm_head(hidden)
        return logits

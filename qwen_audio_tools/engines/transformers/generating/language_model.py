"""The one call of a language model of transformers, under the names that its version has."""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def last_states(
    language_model: Any,
    embeddings: "torch.Tensor",
    *,
    positions: "torch.Tensor",
    mask: "torch.Tensor | None",
    cache: Any,
    **attention: Any,
) -> "torch.Tensor":
    """Run it over (rows, length, width) and return its last hidden states; see `Adapter`."""
    hidden: torch.Tensor = language_model(
        inputs_embeds=embeddings,
        position_ids=positions,
        attention_mask=mask,
        use_cache=True,
        **{_cache_name(type(language_model).forward): cache},
        **attention,
    ).last_hidden_state
    return hidden


@lru_cache(maxsize=16)
def _cache_name(forward: Callable[..., Any]) -> str:
    # transformers 5.24 renamed it, and warns of the old name.
    return "cache" if "cache" in inspect.signature(forward).parameters else "past_key_values"

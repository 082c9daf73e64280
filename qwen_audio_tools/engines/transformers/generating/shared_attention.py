"""Attention of several rows over one prefix that they share, without a copy of it for each row."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

_PREFIX = "shared_prefix_"


@dataclass(frozen=True, slots=True)
class SharedPrefix:
    """What all rows have in common: keys and values, (1, heads, length, width) for each layer.

    `bias`, (rows, 1, queries, own tokens), is added to the scores of a row's own tokens.
    """

    keys: list[torch.Tensor]
    values: list[torch.Tensor]
    bias: torch.Tensor | None


def enable(language_model: Any) -> None:
    """Let a language model of transformers take `shared_prefix`; without it nothing changes.

    Its attention runs as it was chosen when loading, until a `shared_prefix` is given.
    """
    chosen = language_model.config._attn_implementation
    if chosen.startswith(_PREFIX):
        return
    name = _PREFIX + chosen
    AttentionInterface.register(name, _with_prefix(chosen))
    AttentionMaskInterface.register(name, ALL_MASK_ATTENTION_FUNCTIONS[chosen])
    language_model.config._attn_implementation = name


def enabled(language_model: Any) -> bool:
    """Return whether the model takes a `shared_prefix`."""
    return str(language_model.config._attn_implementation).startswith(_PREFIX)


def _with_prefix(chosen: str) -> Callable[..., Any]:
    def attention(
        module: torch.nn.Module,
        *states: Any,
        shared_prefix: SharedPrefix | None = None,
        **rest: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        if shared_prefix is not None:
            query, key, value = states[:3]
            return shared_attention(module, query, key, value, shared_prefix), None
        if chosen == "eager":  # every modeling file has its own
            eager = import_module(type(module).__module__).eager_attention_forward
            return eager(module, *states, **rest)  # type: ignore[no-any-return]
        return ALL_ATTENTION_FUNCTIONS[chosen](module, *states, **rest)  # type: ignore[no-any-return]

    return attention


def shared_attention(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, shared: SharedPrefix
) -> torch.Tensor:
    """Return (rows, queries, heads, width): softmax over the prefix and a row's own tokens at once.

    The queries of all rows meet the prefix in one product; only the rest is done row by row.
    """
    prefix_keys, prefix_values = shared.keys[module.layer_idx], shared.values[module.layer_idx]
    rows, heads, queries, width = query.shape
    kv_heads, length = prefix_keys.shape[1], prefix_keys.shape[2]
    each = heads // kv_heads * queries  # queries of one row to one key head
    scaling = getattr(module, "scaling", width**-0.5)
    own = (query * scaling).reshape(rows, kv_heads, each, width)
    joined = own.transpose(0, 1).reshape(kv_heads, rows * each, width)
    to_prefix = torch.bmm(joined, prefix_keys[0].transpose(1, 2))
    to_own = own @ key.transpose(2, 3)
    if shared.bias is not None:
        grouped = to_own.view(rows, kv_heads, -1, queries, key.shape[2])
        to_own = (grouped + shared.bias[:, :, None]).view_as(to_own)
    to_prefix = to_prefix.view(kv_heads, rows, each, length).transpose(0, 1)
    weights = torch.cat((to_prefix, to_own), dim=-1).softmax(dim=-1, dtype=torch.float32)
    weights = weights.to(query.dtype)
    on_prefix = weights[..., :length].transpose(0, 1).reshape(kv_heads, rows * each, length)
    mixed = torch.bmm(on_prefix, prefix_values[0]).view(kv_heads, rows, each, -1).transpose(0, 1)
    mixed = mixed + weights[..., length:] @ value
    return mixed.reshape(rows, heads, queries, -1).transpose(1, 2).contiguous()

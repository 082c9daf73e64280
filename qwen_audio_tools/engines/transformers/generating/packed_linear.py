"""Linear layers on a CPU, each with its weight laid out once as the processor reads it fastest.

torch hands float32 products to MKL, which keeps AMD processors at half speed, and lays out a
weight anew at each product of few rows. oneDNN, which is part of torch too, takes a weight that is
laid out beforehand: measured on an EPYC with AVX-512, 1.7 times the tokens of one row, 2.9 times
those of eight and 2.2 times the prefill in float32; twice the tokens of one row in bfloat16.
"""

from typing import Any

import torch

_FORMATS = (torch.float32, torch.bfloat16)
# What two orders of summing the same products may differ by, relative to the largest result.
_ROUNDING = {torch.float32: 1e-4, torch.bfloat16: 2e-2}


class PackedLinear(torch.nn.Module):  # type: ignore[misc]
    """A linear layer in place of one of torch's; it holds the weight in oneDNN's layout only."""

    def __init__(self, linear: Any) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.bias = linear.bias
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the product, (..., in) to (..., out)."""
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            states, self._packed, self.bias, "none", [], ""
        )
        return product

    @property
    def weight(self) -> torch.Tensor:
        """The weight as torch has it, (out, in): a copy, made for whoever asks."""
        dense: torch.Tensor = self._packed.to_dense()
        return dense


def pack(model: Any) -> int:
    """Lay out all linear layers of a model on the CPU, one at a time; return how many.

    Layers of a quantised model, of other number formats, and those that share their weight with
    another layer stay as they are; so do all where this torch or CPU can't do it. Results differ
    from torch's in the last bits only.
    """
    shared = _shared(model)
    layers = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is torch.nn.Linear and id(child.weight) not in shared
    ]
    if not layers or not _works(layers[0][2]):
        return 0
    while layers:  # a layer's first weight is let go before the next one is laid out
        parent, name, child = layers.pop()
        setattr(parent, name, PackedLinear(child))
    return sum(isinstance(module, PackedLinear) for module in model.modules())


def _shared(model: Any) -> set[int]:
    """Return the ids of weights that more than one module has, and those that don't fit."""
    seen: set[int] = set()
    shared: set[int] = set()
    for module in model.modules():
        for weight in module.parameters(recurse=False):
            (shared if id(weight) in seen else seen).add(id(weight))
            if weight.dtype not in _FORMATS or weight.device.type != "cpu":
                shared.add(id(weight))
    return shared


def _works(linear: Any) -> bool:
    """Return whether this torch and this CPU can do it, and get the same result."""
    if not torch.backends.mkldnn.is_available():
        return False
    states = torch.randn(3, linear.in_features, generator=torch.Generator().manual_seed(0))
    states = states.to(linear.weight.dtype)
    with torch.no_grad():
        expected = linear(states)
        try:
            found = PackedLinear(linear)(states)
        except (AttributeError, NotImplementedError, RuntimeError):
            return False  # a torch without these operators, or a CPU that they aren't made for
    difference = (found - expected).abs().max()
    return bool(difference <= _ROUNDING[linear.weight.dtype] * expected.abs().max())

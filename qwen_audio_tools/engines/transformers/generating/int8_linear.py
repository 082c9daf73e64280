"""A linear layer whose weights are int8: what a CPU reads for a token is half of bfloat16."""

import torch
from torch.nn import functional

# Measured on layers of 1024 to 11008: up to some twelve rows the kernel that reads int8 wins, past
# that bfloat16 made of it, in blocks that stay in the processor's cache, and a plain product.
_FEW_ROWS = 12
_BLOCK = 1024


class Int8Linear(torch.nn.Module):  # type: ignore[misc]
    """Weights as int8 with one scale a row of the output; what comes in keeps its format.

    Only weights are rounded: activations of real models have outliers, which int8 loses.
    """

    codes: torch.Tensor
    scales: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, linear: torch.nn.Linear, product: torch.dtype = torch.bfloat16) -> None:
        """Take over a layer, whatever its number format; its own weights can then go.

        `product` is what this CPU multiplies many rows in: float32 where it has no bfloat16.
        """
        super().__init__()
        self._product = product
        self.in_features, self.out_features = linear.in_features, linear.out_features
        codes, scales = quantized(linear.weight.detach())
        self.register_buffer("codes", codes)
        self.register_buffer("scales", scales)
        self.register_parameter("bias", linear.bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return (..., in_features) times the weights, (..., out_features)."""
        rows = hidden.reshape(-1, self.in_features)
        if len(rows) <= _FEW_ROWS:
            product = torch._weight_int8pack_mm(
                rows.to(torch.bfloat16).contiguous(), self.codes, self.scales
            ).to(hidden.dtype)
        else:
            product = self._many(rows)
        if self.bias is not None:
            product += self.bias
        return product.view(*hidden.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Say the sizes, as torch's own layers do."""
        return f"in_features={self.in_features}, out_features={self.out_features}"

    def _many(self, rows: torch.Tensor) -> torch.Tensor:
        product = rows.new_empty(len(rows), self.out_features)
        rounded = rows.to(self._product)
        for start in range(0, self.out_features, _BLOCK):
            block = self.codes[start : start + _BLOCK].to(self._product)
            product[:, start : start + _BLOCK] = functional.linear(rounded, block)
        return product.mul_(self.scales.to(rows.dtype))


def quantized(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return int8 codes (out, in) and bfloat16 scales (out,) whose product is near the weights.

    Symmetric, the largest weight of each row at 127.
    """
    wide = weight.to(torch.float32)
    largest = wide.abs().amax(dim=1).clamp_(min=torch.finfo(torch.float32).tiny)
    # The scale is rounded first, so that the codes fit the one that is multiplied with.
    scales = (largest / 127).to(torch.bfloat16)
    codes = (wide / scales.to(torch.float32)[:, None]).round_().clamp_(-127, 127)
    return codes.to(torch.int8), scales

"""Weights in fewer bits: bitsandbytes on a GPU, int8 in torch's own kernel on a CPU.

The encoder hears as it was trained: only what reads and writes words is rounded. On the CPU,
torchao's int8 was measured too: without a compiler it writes tokens slower than float32 does, and
compiling takes minutes at each start. Rounding activations to int8 as well would be a quarter
faster, but a few outliers among them, as real models have, take half of the answer's precision.
"""

import logging
from pathlib import Path
from typing import Any

from qwen_audio_tools.engines.transformers.loading.placement import Placement, cpu_computes_bf16


def loading_options(kind: Any, folder: Path, placement: Placement) -> dict[str, Any]:
    """Return what `kind.from_pretrained(folder)` must be told beside; nothing if it needs not."""
    if placement.quantize == "none" or placement.kind != "cuda":
        return {}
    import torch
    from transformers import BitsAndBytesConfig

    names = _spared(_outline(kind, folder))
    if placement.quantize == "8bit":
        logging.getLogger("bitsandbytes.autograd._functions").addFilter(_worth_saying)
        config = BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=names)
    else:
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=getattr(torch, placement.dtype),
            llm_int8_skip_modules=names,
        )
    return {"quantization_config": config}


def _worth_saying(record: logging.LogRecord) -> bool:
    """Drop what bitsandbytes says at each product of each layer: that it takes float16."""
    return "inputs will be cast" not in str(record.msg)


def quantize_loaded(model: Any, placement: Placement) -> None:
    """Replace the linear layers of the language model by int8 ones, if the placement says so.

    On a GPU it is done while loading; here one layer after the other, so that no more than one
    is there twice.
    """
    if placement.quantize != "8bit" or placement.kind != "cpu":
        return
    import torch
    from torch.nn import Linear

    from qwen_audio_tools.engines.transformers.generating.int8_linear import Int8Linear

    product = torch.bfloat16 if cpu_computes_bf16() else torch.float32
    decoder, head = model.get_decoder(), model.get_output_embeddings()
    for parent in list(decoder.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Linear):
                setattr(parent, name, Int8Linear(child, product))
    if isinstance(head, Linear):
        model.set_output_embeddings(Int8Linear(head, product))


def _outline(kind: Any, folder: Path) -> Any:
    """Return a model of that class without weights, to see what it is made of."""
    import torch

    config = kind.config_class.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        return kind(config)


def _spared(model: Any) -> list[str]:
    """Return the linear layers that keep their bits: all but those of the language model."""
    from torch.nn import Linear

    inside = {id(module) for module in model.get_decoder().modules()}
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, Linear) and id(module) not in inside
    ]

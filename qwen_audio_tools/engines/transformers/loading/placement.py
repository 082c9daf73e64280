"""Where and in which number format a model computes: what is there, unless it is told otherwise."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qwen_audio_tools.errors import MissingExtra, SettingsError
from qwen_audio_tools.settings import Settings

_NATIVE_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}  # x86 twice, then ARM


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """`device` and `dtype` as torch names them; `quantize` is "none", "8bit" or "4bit"."""

    device: str
    dtype: str
    attention: str
    quantize: str

    @property
    def kind(self) -> str:
        """The device without its number: "cpu", "cuda" or "mps"."""
        return self.device.partition(":")[0]


def place(settings: Settings, config: Mapping[str, Any]) -> Placement:
    """Choose device, number format and attention for a model with that config.json.

    Raises:
        SettingsError: what the settings ask for is not there, or does not go together.
        MissingExtra: it takes a package that is not installed.
    """
    device = _device(settings.device)
    kind = device.partition(":")[0]
    _check_quantize(settings.quantize, kind)
    dtype = settings.dtype
    if dtype == "auto":
        dtype = _dtype(device, config)
    return Placement(
        device=device,
        dtype=dtype,
        attention=_attention(settings.attention, kind, dtype),
        quantize=settings.quantize,
    )


def stored_dtype(config: Mapping[str, Any]) -> str | None:
    """Return the number format of the weights on disk, as far as the config.json says it."""
    return next(_stored_dtypes(config), None)


def _stored_dtypes(config: Mapping[str, Any]) -> Iterator[str]:
    for name in ("dtype", "torch_dtype"):  # the second is that of transformers 4
        if isinstance(value := config.get(name), str):
            yield value.removeprefix("torch.")
    for part in config.values():
        if isinstance(part, Mapping):
            yield from _stored_dtypes(part)


def cpu_computes_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Tell whether this CPU multiplies bfloat16 itself; where nobody says so, it doesn't."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return not _NATIVE_BF16.isdisjoint(flags.split())


def cpu_dtype(config: Mapping[str, Any]) -> str:
    """Return the number format that suits this CPU and the weights of a config.json."""
    # Where a CPU multiplies bfloat16 itself, that halves the memory and reads a prompt three times
    # as fast as float32 (200 million parameters, one thread). Weights that are kept in float32
    # would lose by it, those in bfloat16 don't.
    if stored_dtype(config) == "float32" or not cpu_computes_bf16():
        return "float32"
    return "bfloat16"


def _device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda:0"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = wanted.partition(":")
    if kind == "cuda" and (number or "0").isdecimal():
        return _cuda(wanted, int(number or 0))
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise SettingsError(
            f"device cannot be 'mps': this torch ({torch.__version__}) has no Apple GPU to use",
            hint="--device cpu",
        )
    if wanted not in ("cpu", "mps"):
        raise SettingsError(
            f"device cannot be {wanted!r}: it is auto, cpu, cuda, cuda:1 or mps",
            hint="--device auto",
        )
    return wanted


def _cuda(wanted: str, number: int) -> str:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number < count:
        return f"cuda:{number}"
    there = f"this machine has {count}" if count else "this machine has none that torch can use"
    built = "" if torch.version.cuda or torch.version.hip else f" (torch {torch.__version__})"
    raise SettingsError(
        f"device cannot be {wanted!r}: of CUDA GPUs, {there}{built}",
        hint="--device cuda" if count else "--device cpu",
    )


def _dtype(device: str, config: Mapping[str, Any]) -> str:
    import torch

    kind = device.partition(":")[0]
    if kind == "cuda":
        with torch.cuda.device(device):
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bfloat16" if native else "float16"
    if kind == "mps":
        return "float16"
    return cpu_dtype(config)


def _check_quantize(quantize: str, kind: str) -> None:
    if quantize == "none":
        return
    if kind == "mps" or (quantize == "4bit" and kind != "cuda"):
        bits = "8bit or none" if kind == "cpu" else "none"
        raise SettingsError(
            f"quantize cannot be {quantize!r} on {kind}: there it is {bits}",
            hint="--quantize 8bit" if kind == "cpu" else "--quantize none",
        )
    if kind == "cuda" and find_spec("bitsandbytes") is None:
        raise MissingExtra(
            f"quantize={quantize!r} on a GPU needs the package bitsandbytes",
            hint="pip install 'qwen-audio-tools[quantize]'",
        )


def _attention(wanted: str, kind: str, dtype: str) -> str:
    if wanted == "auto":
        return "sdpa"
    if wanted == "flash_attention_2":
        if kind != "cuda" or dtype == "float32":
            raise SettingsError(
                f"attention cannot be 'flash_attention_2' on {kind} in {dtype}: it needs a CUDA"
                " GPU and bfloat16 or float16",
                hint="--set attention=sdpa",
            )
        if find_spec("flash_attn") is None:
            raise MissingExtra(
                "attention='flash_attention_2' needs the package flash-attn",
                hint="pip install flash-attn",
            )
    return wanted

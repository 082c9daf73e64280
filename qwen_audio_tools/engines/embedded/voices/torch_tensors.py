"""Reads the tensors of a PyTorch checkpoint in its legacy form, without PyTorch and without risk.

A pickle can run any code, so this one may name exactly three things; all else is refused. The
legacy form is five pickles in a row (magic, version, sizes, the object, storage keys), then for
each key the count of elements as int64 and the raw little-endian values.
"""

import collections
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.errors import WeightsMissing

_MAGIC = 0x1950A86A20F9469CFC6C
Tensor = npt.NDArray[np.float32]


class _Storage:
    """One run of float32 values that tensors look into; filled after the pickles are read."""

    def __init__(self) -> None:
        self.values: Tensor = np.zeros(0, np.float32)


class _View:
    """A tensor as the checkpoint describes it: where in which storage, and its shape."""

    def __init__(self, storage: _Storage, offset: int, shape: Any, stride: Any, *_: Any) -> None:
        self.storage, self.offset = storage, int(offset)
        self.shape, self.stride = tuple(map(int, shape)), tuple(map(int, stride))

    def array(self) -> Tensor:
        """Return the values as an array of their own; ValueError if they lie outside."""
        values = self.storage.values[self.offset :]
        last = sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        if (
            self.offset < 0
            or min((*self.shape, *self.stride), default=1) < 1
            or last >= len(values)
        ):
            raise ValueError(f"tensor of shape {self.shape} reaches beyond its storage")
        strides = tuple(4 * step for step in self.stride)
        return np.lib.stride_tricks.as_strided(values, self.shape, strides).copy()


class _Reader(pickle.Unpickler):
    """An unpickler that knows three names and no others."""

    allowed: dict[tuple[str, str], Any] = {  # noqa: RUF012 - read only
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _View,
        ("torch", "FloatStorage"): "float32",
    }

    def __init__(self, file: BinaryIO, storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the three, or refuse."""
        try:
            return self.allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"refused {module}.{name}: not part of a tensor") from None

    def persistent_load(self, pid: Any) -> Any:
        """Return the storage that a tensor refers to."""
        if not (isinstance(pid, tuple) and len(pid) >= 3 and pid[:2] == ("storage", "float32")):
            raise pickle.UnpicklingError(f"refused storage {pid!r}: only float32 is read")
        return self._storages.setdefault(str(pid[2]), _Storage())


def read_tensors(path: Path, key: str = "model_state") -> dict[str, Tensor]:
    """Return the float32 tensors below `key` of the checkpoint, by name.

    Raises:
        WeightsMissing: the file is no legacy checkpoint, is cut short, or names other objects.
    """
    storages: dict[str, _Storage] = {}
    try:
        with path.open("rb") as file:
            if _Reader(file, storages).load() != _MAGIC:
                raise ValueError("not a legacy checkpoint")
            for _ in ("version", "sizes"):
                _Reader(file, storages).load()
            state = _Reader(file, storages).load()[key]
            for name in _Reader(file, storages).load():
                (count,) = np.frombuffer(file.read(8), "<i8")
                if count < 0:
                    raise ValueError(f"a storage of {count} values")
                values = np.frombuffer(file.read(4 * int(count)), "<f4")
                if len(values) != count:
                    raise ValueError("the file ends too early")
                storages.setdefault(str(name), _Storage()).values = values
        return {name: view.array() for name, view in state.items() if isinstance(view, _View)}
    except (OSError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise WeightsMissing(
            f"cannot read tensors from {path.name!r}: {error}",
            hint="qwa models remove speaker-encoder, then qwa models pull speaker-encoder",
        ) from error

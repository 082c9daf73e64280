"""Writes a stack of LSTM layers as an ONNX model, so that ONNX Runtime runs it on one thread.

numpy would do, but its matrix library spins on every core between the small products of each step:
on a busy machine that costs nine times the CPU. The few ONNX fields needed are written by hand
(field numbers: onnx.proto3 of ONNX 1.17); the `onnx` package is no dependency.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
_FLOAT, _INT64, _ATTRIBUTE_INT = 1, 7, 2


def lstm_stack(layers: Sequence[tuple[Floats, Floats, Floats]], frames: int) -> bytes:
    """Return a model with input "x" (frames, any, inputs) and output "last" (1, any, h).

    Each layer is (input weights (4h, inputs), recurrent weights (4h, h), bias (4h,)) with the gates
    in PyTorch's order: input, forget, cell, output.
    """
    hidden = layers[0][1].shape[1]
    nodes, tensors = [], [_tensor("axis", np.array([1], np.int64))]
    flowing = "x"
    for number, (inward, across, bias) in enumerate(layers):
        values = {"W": _gates(inward)[None], "R": _gates(across)[None]}
        values["B"] = np.concatenate([_gates(bias), np.zeros_like(bias)])[None]
        tensors += [_tensor(f"{name}{number}", value) for name, value in values.items()]
        last = number == len(layers) - 1
        nodes.append(
            _node(
                "LSTM",
                [flowing, f"W{number}", f"R{number}", f"B{number}"],
                [f"all{number}", "last" if last else f"last{number}"],
                hidden_size=hidden,
            )
        )
        if not last:
            flowing = f"flow{number}"
            nodes.append(_node("Squeeze", [f"all{number}", "axis"], [flowing]))
    graph = b"".join(_bytes(1, node) for node in nodes) + _bytes(2, b"lstm")
    graph += b"".join(_bytes(5, tensor) for tensor in tensors)
    graph += _bytes(11, _value("x", [frames, None, layers[0][0].shape[1]]))
    graph += _bytes(12, _value("last", [1, None, hidden]))
    return _number(1, 8) + _bytes(8, _bytes(1, b"") + _number(2, 17)) + _bytes(7, graph)


def _gates(rows: Floats) -> Floats:
    """Reorder gates from input, forget, cell, output to ONNX's input, output, forget, cell."""
    entry, forget, cell, out = np.split(np.asarray(rows, np.float32), 4)
    return np.concatenate([entry, out, forget, cell])


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _tensor(name: str, values: npt.NDArray[np.generic]) -> bytes:
    kind = _INT64 if values.dtype == np.int64 else _FLOAT
    dims = b"".join(_number(1, size) for size in values.shape)
    return dims + _number(2, kind) + _bytes(8, name.encode()) + _bytes(9, values.tobytes())


def _node(kind: str, inputs: Sequence[str], outputs: Sequence[str], **numbers: int) -> bytes:
    found = b"".join(_bytes(1, name.encode()) for name in inputs)
    found += b"".join(_bytes(2, name.encode()) for name in outputs) + _bytes(4, kind.encode())
    for name, value in numbers.items():
        attribute = _bytes(1, name.encode()) + _number(3, value) + _number(20, _ATTRIBUTE_INT)
        found += _bytes(5, attribute)
    return found


def _value(name: str, shape: Sequence[int | None]) -> bytes:
    dims = b"".join(
        _bytes(1, _bytes(2, b"any") if size is None else _number(1, size)) for size in shape
    )
    tensor = _number(1, _FLOAT) + _bytes(2, dims)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))

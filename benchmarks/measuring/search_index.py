"""An index of made passages, built as an archive's is, but with vectors that are there already.

The first vectors are real: the sentence encoder's, of made texts, 5,000 a file. Beyond them a
passage gets a near copy of a real one: another unit vector at a cosine of about 0.98.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from measuring import made_passages
from qwen_audio_tools.archive.index.lance_index import TABLE, LanceIndex
from qwen_audio_tools.archive.records import EpisodeRecord
from qwen_audio_tools.engines.embedding import Embedder

if TYPE_CHECKING:
    from qwen_audio_tools.engines.embedding import Vectors

BLOCK = 5000
REAL = 100_000
_NOISE = 0.2
"""The length of what is added to a unit vector."""
_STEPS = {"searched": "full text", "episode": "episodes", "vector": "vectors"}


class KnownVectors:
    """An embedder that hands out vectors of made passages by the number they begin with."""

    def __init__(self, name: str, vectors: "Vectors") -> None:
        self.name, self._vectors = name, vectors

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """Return the vectors of passages; an episode's gist gets that of its first passage."""
        numbers: list[int] = []
        following = 0
        for text in reversed(texts):
            number = made_passages.number_of(text)
            following = following if number is None else number
            numbers.append(following)
        return np.ascontiguousarray(self._vectors[numbers[::-1]])


def vectors_of(count: int, embedder: Embedder, place: Path) -> "Vectors":
    """Return the vectors of so many passages, from a file that is made if it isn't there."""
    path = place / f"vectors-{count}.npy"
    if not path.exists():
        real = _real(min(count, REAL), embedder, place)
        made = np.lib.format.open_memmap(path, "w+", np.float32, (count, real.shape[1]))
        chance = np.random.default_rng(0)
        for at in range(0, count, BLOCK):
            numbers = np.arange(at, min(at + BLOCK, count))
            made[numbers] = real[numbers % len(real)]
            if at >= len(real):
                made[numbers] = _near(made[numbers], chance)
        made.flush()
    return np.load(path, mmap_mode="r")


def build(count: int, vectors: "Vectors", embedder: Embedder, place: Path) -> dict[str, Any]:
    """Build the index of so many passages, and return seconds, bytes and the load; it is kept.

    Making the passages is no part of the seconds: an archive has them.
    """
    noted = place / f"built-{count}.json"
    uri = str(place / f"index-{count}")
    index = LanceIndex(uri, KnownVectors(embedder.name, vectors), place / "lock")
    if noted.exists():
        return {**json.loads(noted.read_text("utf-8")), "bytes": _size(uri)}
    index.clear()
    load = os.getloadavg()[0]
    making = _Stopwatch()
    with _steps_timed() as steps:
        began = time.perf_counter()
        index.refresh(making.timed(made_passages.records(count)))
        whole = time.perf_counter() - began - making.seconds
    found = {name: steps.get(name, 0.0) for name in (*_STEPS.values(), "compacting")}
    found = {"rows": whole - sum(found.values()), **found, "whole": whole, "load": load}
    noted.write_text(json.dumps(found), "utf-8")
    return {**found, "bytes": _size(uri)}


def _real(count: int, embedder: Embedder, place: Path) -> "Vectors":
    for number in range(-(-count // BLOCK)):
        path = place / f"real-{number:03}.npy"
        if not path.exists():
            texts = map(made_passages.text, range(number * BLOCK, (number + 1) * BLOCK))
            np.save(path, embedder.embed(list(texts)))
    paths = sorted(place.glob("real-*.npy"))[: -(-count // BLOCK)]
    return np.concatenate([np.load(path) for path in paths])[:count]


def _near(vectors: "Vectors", chance: np.random.Generator) -> "Vectors":
    noise = chance.standard_normal(vectors.shape, dtype=np.float32)
    noise *= _NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
    near: Vectors = vectors + noise
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    return near


class _Stopwatch:
    seconds = 0.0

    def timed(self, records: Iterable[EpisodeRecord]) -> Iterator[EpisodeRecord]:
        """Yield the records, and add up how long it takes to make them."""
        source = iter(records)
        while True:
            began = time.perf_counter()
            record = next(source, None)
            self.seconds += time.perf_counter() - began
            if record is None:
                return
            yield record


@contextlib.contextmanager
def _steps_timed() -> Iterator[dict[str, float]]:
    """Note the seconds of each index that is made inside."""
    from lancedb.table import LanceTable

    found: dict[str, float] = {}
    create, optimize = LanceTable.create_index, LanceTable.optimize

    def timed(name: str, work: Any, *given: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return work(*given, **more)
        finally:
            found[name] = found.get(name, 0.0) + time.perf_counter() - began

    LanceTable.create_index = lambda self, column, **more: timed(
        _STEPS[column], create, self, column, **more
    )
    LanceTable.optimize = lambda self, **more: timed("compacting", optimize, self, **more)
    try:
        yield found
    finally:
        LanceTable.create_index, LanceTable.optimize = create, optimize


def _size(uri: str) -> int:
    """Return the bytes of rows and indexes, without those of old versions."""
    import lancedb

    table = lancedb.connect(uri).open_table(TABLE)
    return int(table.stats()["total_bytes"])

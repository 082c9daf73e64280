"""Texts as vectors, by name: the embedders that are here, and anything that embeds like them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from qwen_audio_tools.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]

DEFAULT = "sentence-encoder"


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns texts into vectors; `name` changes whenever its vectors do."""

    @property
    def name(self) -> str:
        """Which model it is."""
        ...

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """Return one unit vector per text: float32, shape (n, width)."""
        ...


# Homes as strings: naming an embedder imports nothing.
_HOMES = {DEFAULT: "qwen_audio_tools.engines.embedded.meaning.embedder:open_sentence_embedder"}


def open_embedder(name: str = DEFAULT) -> Embedder:
    """Open an embedder by its name.

    Raises:
        SettingsError: none has that name.
    """
    if name not in _HOMES:
        raise SettingsError(f"no embedder is called {name!r}; there is {', '.join(_HOMES)}")
    module, _, function = _HOMES[name].partition(":")
    embedder: Embedder = getattr(import_module(module), function)()
    return embedder


@dataclass(frozen=True, slots=True)
class GivenEmbedder:
    """An embedder of LangChain or LlamaIndex, or a plain function, told as one of ours."""

    name: str
    encode: Callable[[list[str]], Sequence[Sequence[float]]]

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """Return one unit vector per text: float32, shape (n, width)."""
        import numpy as np

        found = np.asarray(self.encode(list(texts)), dtype=np.float32)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        unit: Vectors = found / np.maximum(lengths, 1e-12)
        return unit


def embedder_of(given: Any) -> Embedder:
    """Return an embedder for what a user has: ours, LangChain's `Embeddings`, LlamaIndex's.

    Raises:
        SettingsError: it embeds nothing that is known here.
    """
    if isinstance(given, str):
        return open_embedder(given)
    if isinstance(given, Embedder):
        return given
    named = f"{type(given).__name__}:{getattr(given, 'model_name', getattr(given, 'model', ''))}"
    for method in ("embed_documents", "get_text_embedding_batch"):
        encode = getattr(given, method, None)
        if callable(encode):
            return GivenEmbedder(named, encode)
    raise SettingsError(
        f"{type(given).__name__!r} is no embedder",
        hint="give one of LangChain or LlamaIndex, or something with `name` and `embed(texts)`",
    )

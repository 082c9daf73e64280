"""The index that belongs to an archive, brought up to date with its ledger."""

from typing import Any

from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.index.lance_index import LanceIndex
from qwen_audio_tools.engines.embedding import DEFAULT, embedder_of


def index_of(archive: Archive, uri: str = "", embedder: Any = DEFAULT) -> LanceIndex:
    """Return the index of an archive: in its folder, or at what LanceDB takes as `uri`.

    `embedder` is a name, or one of LangChain or LlamaIndex. Nothing is opened yet. Elsewhere than
    in its folder an index is kept for one archive, and refuses another.
    """
    return LanceIndex(
        uri or str(archive.folder / "index"),
        embedder_of(embedder),
        archive.folder / "index.lock",
        # What lies in the archive's own folder is its own, whatever became of its id.
        archive.id() if uri else "",
    )

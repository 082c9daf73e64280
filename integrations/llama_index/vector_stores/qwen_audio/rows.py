"""A node as a row, and back: each key of metadata is a column, so that a store can filter by it.

A key's texts and its numbers have a column each: no value ever contradicts the type of a column.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from llama_index.core.schema import BaseNode, Node
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

from qwen_audio_tools.archive.index.rows import marked
from qwen_audio_tools.errors import SettingsError

if TYPE_CHECKING:
    import pyarrow as pa

READ = ("id", "text", "node", "kind")
"""The columns that a node is made of again."""
_TEXTS, _NUMBERS = "t_", "n_"
EXACT = 2**53
"""Up to here a number of the store, a float64, tells each whole number from the next."""
_KEY = {"lance-schema:unenforced-primary-key": "true"}
"""Of two that add the same new id at one time LanceDB lets the second try again only if the column
says that it is a key; else both rows stay (lance-format/lance #4585)."""
_PLAIN = re.compile(r"[a-z0-9]")


def column(key: str, value: str | float) -> str:
    """Return the column for a key's values of that kind; no two keys share one."""
    kind = _TEXTS if isinstance(value, str) else _NUMBERS
    escaped = (each if _PLAIN.fullmatch(each) else f"_{ord(each):x}_" for each in key)
    return kind + "".join(escaped)


def row_of(node: BaseNode) -> dict[str, Any]:
    """Return the row of a node with a vector.

    Raises:
        SettingsError: it has none, its metadata is not flat, or it holds bytes of audio.
    """
    if not node.embedding:
        raise SettingsError(
            f"node {node.node_id!r} has no embedding",
            hint="put an embed_model behind the other transformations of the pipeline",
        )
    _check_audio(node)
    values = {column(key, value): value for key, value in _flat(node)}
    content = node_to_metadata_dict(node, remove_text=True)
    return {
        "id": node.node_id,
        # As IngestionPipeline has it: a node that came from no Document is its own.
        "document": node.ref_doc_id or node.node_id,
        "text": node.get_content(),
        "node": content["_node_content"],
        "kind": content["_node_type"],
        "columns": marked(list(values)),
        "vector": node.embedding,
        **values,
    }


def node_of(row: Mapping[str, Any]) -> BaseNode:
    """Return the node of a row, without its vector."""
    content = {"_node_content": row["node"], "_node_type": row["kind"]}
    return metadata_dict_to_node(content, text=row["text"])


def schema(width: int) -> "pa.Schema":
    """Return the columns that every table has."""
    import pyarrow as pa

    words = ("document", "text", "node", "kind", "columns")
    vector = pa.field("vector", pa.list_(pa.float32(), width))
    key = pa.field("id", pa.string(), nullable=False, metadata=_KEY)
    return pa.schema([key, *(pa.field(name, pa.string()) for name in words), vector])


def added(rows: Iterable[Mapping[str, Any]], there: Iterable[str]) -> list["pa.Field"]:
    """Return the columns that these rows have and a table does not."""
    import pyarrow as pa

    names = sorted({name for row in rows for name in row} - set(there))
    return [
        pa.field(name, pa.string() if name.startswith(_TEXTS) else pa.float64()) for name in names
    ]


def _flat(node: BaseNode) -> Iterable[tuple[str, str | float]]:
    for key, value in node.metadata.items():
        if value is None:
            continue
        if not isinstance(value, str | int | float):
            raise SettingsError(
                f"metadata {key!r} of node {node.node_id!r} is a {type(value).__name__}: "
                "only texts and numbers can be kept",
                hint="join the names of a list by commas",
            )
        if isinstance(value, int) and abs(value) > EXACT:
            raise SettingsError(
                f"metadata {key!r} of node {node.node_id!r} is too large to be compared exactly",
                hint="write such a number as a text",
            )
        yield key, value


def _check_audio(node: BaseNode) -> None:
    # LlamaIndex writes no bytes: they would be gone without a word.
    sound = node.audio_resource if isinstance(node, Node) else None
    if sound is not None and sound.data is not None:
        raise SettingsError(
            f"node {node.node_id!r} holds bytes of audio, which no store of LlamaIndex keeps",
            hint="keep audio_uri, start and end; AttachAudioPostprocessor cuts the sound anew",
        )

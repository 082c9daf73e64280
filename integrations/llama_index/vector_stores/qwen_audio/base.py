"""LanceAudioStore: nodes in LanceDB, by id, so that pipelines may update what they ingested.

The official integration appends what is there already and can't delete from a current LanceDB.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from llama_index.core.bridge.pydantic import ConfigDict, Field
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from llama_index.vector_stores.qwen_audio.filters import expression
from llama_index.vector_stores.qwen_audio.opening import (
    BEING_MADE,
    connected,
    patiently,
    told,
    writing,
)
from llama_index.vector_stores.qwen_audio.ranking import ranked
from llama_index.vector_stores.qwen_audio.rows import READ, added, node_of, row_of, schema

from qwen_audio_tools.archive.index import nearest
from qwen_audio_tools.errors import SettingsError

if TYPE_CHECKING:
    from lancedb.expr import Expr

_TENDED = 32
"""After how many commits small files are joined; old versions stay for whoever reads one."""
_KEPT = timedelta(hours=1)


class LanceAudioStore(BasePydanticVectorStore):
    """Keeps nodes with their vectors in a folder, or in what LanceDB takes, such as s3://….

    Adding a node again replaces it. Queries go by meaning ("default"), by words ("text_search") or
    by both ("hybrid"; `alpha` 1 counts meaning alone, 0 words alone). All is on the disk at once.
    """

    model_config = ConfigDict(extra="forbid")

    uri: str = Field(min_length=1, description="A folder, or an address that LanceDB takes.")
    table_name: str = Field(default="nodes", pattern=r"^[A-Za-z0-9_-]+$")
    stores_text: bool = True
    flat_metadata: bool = True

    @classmethod
    def class_name(cls) -> str:
        """Return the key by which LlamaIndex writes and reads it."""
        return "LanceAudioStore"

    @property
    def client(self) -> Any:
        """The connection of LanceDB."""
        return connected(self.uri)

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Write nodes with vectors, and return their ids; one that is there is replaced.

        Raises:
            SettingsError: a node has no vector, one of another length, or metadata that isn't flat.
            ArchiveError: they can't be written.
        """
        rows = {node.node_id: row_of(node) for node in nodes}
        if not rows:
            return []
        self._change("written", lambda: self._write(list(rows.values())))
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Remove the nodes of a Document."""
        self._remove(lambda there: expression(doc_ids=[ref_doc_id], columns=there))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Remove nodes by their ids, by filters, or by both at once.

        Raises:
            SettingsError: neither is given.
        """
        if node_ids is None or node_ids:
            self._remove(
                lambda there: expression(filters=filters, node_ids=node_ids, columns=there)
            )

    def clear(self) -> None:
        """Remove all nodes, and the table that they were in."""
        self._change(
            "cleared", lambda: connected(self.uri).drop_table(self.table_name, ignore_missing=True)
        )

    def get_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Return nodes by ids, by filters, by both at once, or all, without their vectors."""
        table = self._table()
        if table is None or node_ids == []:
            return []
        where = expression(filters=filters, node_ids=node_ids, columns=table.schema.names)
        with told("read", self.uri):
            search = table.search() if where is None else table.search().where(where)
            rows = search.select(list(READ)).limit(max(1, table.count_rows())).to_list()
        return [node_of(row) for row in rows]

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Return the nodes that fit a query best, the best first.

        Raises:
            SettingsError: its mode or its filters are not possible, or its vector isn't of these.
            ArchiveError: the table can't be read.
        """
        table = self._table()
        if table is None:
            return VectorStoreQueryResult(nodes=[], similarities=[], ids=[])
        where = expression(
            filters=query.filters,
            node_ids=query.node_ids,
            doc_ids=query.doc_ids,
            columns=table.schema.names,
        )
        with told("searched", self.uri):
            found = ranked(table, query, where)
        return VectorStoreQueryResult(
            nodes=[node_of(row) for row, _ in found],
            similarities=[score for _, score in found],
            ids=[row["id"] for row, _ in found],
        )

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Write nodes, as `add`, without holding up the event loop."""
        return await asyncio.to_thread(self.add, nodes)

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Remove the nodes of a Document, as `delete`."""
        await asyncio.to_thread(self.delete, ref_doc_id)

    async def adelete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Remove nodes, as `delete_nodes`."""
        await asyncio.to_thread(self.delete_nodes, node_ids, filters)

    async def aclear(self) -> None:
        """Remove all nodes, as `clear`."""
        await asyncio.to_thread(self.clear)

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Return nodes, as `get_nodes`."""
        return await asyncio.to_thread(self.get_nodes, node_ids, filters)

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Return the nodes that fit best, as `query`."""
        return await asyncio.to_thread(self.query, query)

    def _change(self, what: str, work: Callable[[], object]) -> None:
        with told(what, self.uri), writing(self.uri, self.table_name):
            patiently(work)

    def _write(self, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa

        table = self._table() or self._created(len(rows[0]["vector"]))
        width = table.schema.field("vector").type.list_size
        for row in rows:
            if len(row["vector"]) != width:
                raise SettingsError(
                    f"node {row['id']!r} has a vector of {len(row['vector'])} numbers; those of "
                    f"this store have {width}",
                    hint="one store takes one embed_model; give table_name= for another",
                )
        if new := added(rows, table.schema.names):
            table.add_columns(new)
        before = table.version
        merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(pa.Table.from_pylist(rows, schema=table.schema))
        self._tend(table, before)

    def _created(self, width: int) -> Any:
        from lancedb.index import FTS

        # If another was quicker it "already exists", perhaps with more columns: then it is opened.
        made = connected(self.uri).create_table(self.table_name, schema=schema(width))
        # ICU finds the words of Chinese, too. Its stop words are those of all languages at once,
        # among them "dog" and "cat": BM25 weighs common words low by itself.
        words = FTS(base_tokenizer="icu", remove_stop_words=False)
        patiently(lambda: made.create_index("text", config=words))
        return made

    def _remove(self, which: Callable[[Sequence[str]], "Expr | None"]) -> None:
        def work() -> None:
            table = self._table()
            if table is None:
                return
            where, before = which(table.schema.names), table.version
            if where is None:
                said = "neither ids nor filters say what to delete"
                raise SettingsError(said, hint="clear() is for all")
            table.delete(where)
            self._tend(table, before)

        self._change("deleted", work)

    def _tend(self, table: Any, before: int) -> None:
        """Now and then join small files, and index vectors once comparing them all takes long."""
        if table.version // _TENDED == before // _TENDED:
            return
        # The nodes are written by now; without a lock another process may tend to them as well.
        with contextlib.suppress(Exception):
            nearest.tend(table, table.count_rows())
            table.optimize(cleanup_older_than=_KEPT)

    def _table(self) -> Any:
        # Opened anew each time: another process may have written, or cleared and begun anew.
        def opened() -> Any:
            connection = connected(self.uri)
            if self.table_name not in connection.list_tables().tables:
                return None
            return connection.open_table(self.table_name)

        with told("opened", self.uri):
            return patiently(opened, BEING_MADE)

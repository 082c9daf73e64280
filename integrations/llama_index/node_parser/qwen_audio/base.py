"""SegmentNodeParser: Documents of recordings into small nodes with times and lasting ids."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

from llama_index.core.bridge.pydantic import Field
from llama_index.core.node_parser import NodeParser
from llama_index.core.node_parser.interface import IdFuncCallable
from llama_index.core.schema import BaseNode, Document, NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.utils import get_tqdm_iterable
from llama_index.llms.qwen_audio.engine_fields import EngineFields
from llama_index.readers.qwen_audio.documents import HIDDEN, OF_FILES, UNEMBEDDED, heard, lasting
from llama_index.readers.qwen_audio.recordings import Recording, clip_at, recording_at

from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.errors import ClipMissing
from qwen_audio_tools.passages import WINDOW, Grain
from qwen_audio_tools.stopping import Stop, in_thread


def segment_id(i: int, doc: BaseNode) -> str:
    """Return the id of the i-th segment of a Document: the same at every run."""
    return f"{doc.node_id}:{i}"


class SegmentNodeParser(EngineFields, NodeParser):
    """Listens to each recording that QwenAudioReader names, and makes a node of each segment.

    A Document that is a segment already becomes its node. Nodes are slim: they carry their own
    times and who speaks, and of their Document only what its owner added.
    """

    grain: Grain = Field(
        default=Grain.SEGMENT, description="segment, window or file, as in QwenAudioReader."
    )
    window: float = Field(default=WINDOW, gt=0, description="The longest window, in seconds.")
    speakers: bool = Field(default=False, description="Whether segments name who speaks.")
    language: str | None = Field(default=None, description="Of the speech: ISO 639-1, if known.")
    fs: Any = Field(
        default=None, exclude=True, description="The fsspec filesystem that recordings are in."
    )
    id_func: IdFuncCallable = Field(default=segment_id)

    @classmethod
    def class_name(cls) -> str:
        """Return the key by which LlamaIndex writes and reads it."""
        return "SegmentNodeParser"

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Return the fields, and the model behind the engine's name.

        It is the key of LlamaIndex's cache: another model hears other words.
        """
        return super().to_dict(**kwargs) | {"model": self.opened_engine().info.label}

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Rebuild a parser from `to_dict`; a function for ids of one's own is given anew."""
        made = ("model", "id_func")
        return super().from_dict({k: v for k, v in data.items() if k not in made}, **kwargs)

    def _parse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> list[BaseNode]:
        return self._parsed(nodes, show_progress, Stop())

    async def _aparse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> list[BaseNode]:
        return await in_thread(lambda stop: self._parsed(nodes, show_progress, stop))

    def _postprocess_parsed_nodes(
        self, nodes: list[BaseNode], parent_doc_map: dict[str, Document]
    ) -> list[BaseNode]:
        """Leave the nodes slim: LlamaIndex would copy all of the Document's metadata into each."""
        return nodes

    def _parsed(self, documents: Sequence[BaseNode], progress: bool, stop: Stop) -> list[BaseNode]:
        found: list[BaseNode] = []
        for document in get_tqdm_iterable(documents, progress, "Listening"):
            found.extend(self._nodes_of(document, stop))
        return found

    def _nodes_of(self, document: BaseNode, stop: Stop) -> Iterator[BaseNode]:
        uri = document.metadata.get("audio_uri")
        if not uri or not document.get_content().strip():
            raise ClipMissing(
                f"Document {document.node_id!r} names no recording by audio_uri, or has no text; "
                "LlamaIndex's cache would take it for every other one without text",
                hint="make it with QwenAudioReader(listen=False).load_data(file)",
            )
        if "segment_index" in document.metadata:
            yield self._node(0, document, document.get_content(), document.metadata)
            return
        recording = self._recording(str(uri), document.metadata.get("sha256"))
        how = {"grain": self.grain, "speakers": self.speakers, "window": self.window}
        options = stop.options(Options(language=self.language))
        found = heard(recording, engine=self.opened_engine(), options=options, how=how)
        for number, (text, metadata) in enumerate(found):
            yield self._node(number, document, text, _added(document) | metadata)

    def _recording(self, uri: str, sha256: str | None) -> Recording:
        if sha256 is None:
            return recording_at(uri, self.fs, self.policy)
        return Recording(clip_at(uri, self.fs, self.policy), uri, sha256)

    def _node(
        self, number: int, document: BaseNode, text: str, metadata: dict[str, Any]
    ) -> TextNode:
        return TextNode(
            id_=self.id_func(number, document),
            text=text,
            metadata=metadata,
            excluded_embed_metadata_keys=list(UNEMBEDDED),
            excluded_llm_metadata_keys=list(HIDDEN),
            relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document.node_id)},
        )


def _added(document: BaseNode) -> dict[str, Any]:
    """Return what the Document's owner knows of it: the show, the episode, the guest."""
    return {k: v for k, v in lasting(document.metadata).items() if k not in OF_FILES}

"""AttachAudioPostprocessor: gives retrieved nodes the sound that their words were heard in."""

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from llama_index.core.bridge.pydantic import ConfigDict, Field
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import BaseNode, MediaResource, Node, NodeWithScore, QueryBundle
from llama_index.llms.qwen_audio.engine_fields import PolicyField
from llama_index.postprocessor.qwen_audio.labels import playback
from llama_index.postprocessor.qwen_audio.neighbours import Neighbours, grouped
from llama_index.readers.qwen_audio.recordings import clip_at

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.clip_store import ClipStore
from qwen_audio_tools.errors import ClipError
from qwen_audio_tools.sources import person
from qwen_audio_tools.spans import clock

_BUDGET = 2**30


class AttachAudioPostprocessor(BaseNodePostprocessor):
    """Puts the cut clip of each retrieved span into its node, with what is heard around it.

    `RetrieverQueryEngine(multimodal=True)` then sends the sound to the model. Spans that meet in
    one recording become one node. Nodes without `audio_uri`, `start` and `end` stay as they are.
    """

    model_config = ConfigDict(extra="forbid")

    padding: float = Field(default=3.0, ge=0, description="Seconds before and after the words.")
    longest: float = Field(default=30.0, gt=0, description="Seconds of a clip, at most.")
    max_clips: int = Field(default=4, ge=0, description="Clips; the nodes after them stay texts.")
    on_error: Literal["raise", "report"] = Field(
        default="raise",
        description="What a recording does that can't be opened: end the query, or stay words, "
        "with a warning in its metadata, as in an archive of which not all audio is here.",
    )
    policy: PolicyField = Field(
        default_factory=person, description="What may be opened, as for QwenAudioLLM."
    )
    fs: Any = Field(
        default=None, exclude=True, description="The fsspec filesystem that recordings are in."
    )
    store: Any = Field(
        default=None,
        exclude=True,
        description="A ClipStore for the cut clips; without it they last as long as the process.",
    )

    @classmethod
    def class_name(cls) -> str:
        """Return the key by which LlamaIndex writes and reads it."""
        return "AttachAudioPostprocessor"

    def clip_of(self, node: BaseNode) -> Clip | None:
        """Return the clip that was attached to a node, with the times of its recording."""
        start, end = node.metadata.get("clip_start"), node.metadata.get("clip_end")
        if start is None or end is None:
            return None
        return clip_at(str(node.metadata["audio_uri"]), self.fs, self.policy)[start:end]

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        found: list[NodeWithScore] = []
        clips = 0
        for group in grouped(nodes, padding=self.padding, longest=self.longest):
            if group.span is None or clips == self.max_clips:
                found.extend(group.nodes)
                continue
            try:
                attached = self._attached(group)
            except ClipError as error:
                if self.on_error == "raise":
                    raise
                found.extend(_warned(each, str(error)) for each in group.nodes)
                continue
            clips += 1
            found.append(NodeWithScore(node=attached, score=group.nodes[0].score))
        return found

    def _attached(self, group: Neighbours) -> Node:
        """Return one node for spans that belong together: their words in order, and their sound."""
        assert group.span is not None
        best, ordered = group.nodes[0].node, group.in_time
        start, end = group.span
        clip = clip_at(str(best.metadata["audio_uri"]), self.fs, self.policy)[start:end]
        seconds = clip.duration
        store = self.store or _passing_store()
        id = store.put(Clip((clip.samples(), 16_000)), name=Path(clip.name).name)
        metadata = best.metadata | {
            "start": ordered[0].metadata["start"],
            "end": max(node.metadata["end"] for node in ordered),
            "clip_start": round(start, 3),
            "clip_end": round(start + seconds, 3),
        }
        metadata |= _joined(ordered)
        if "link" in metadata:
            metadata["link"] = playback(metadata)
        if metadata["end"] > metadata["clip_end"] + 0.001:
            told = f"only {clock(start)} to {clock(start + seconds)} of it is attached as audio"
            metadata["warnings"] = _with_warning(metadata, told)
        return Node(
            id_=best.node_id,
            text_resource=MediaResource(text="\n".join(node.get_content() for node in ordered)),
            audio_resource=MediaResource(path=store.folder / f"{id}.clip", mimetype="audio/x-wav"),
            extra_info=metadata,
            excluded_embed_metadata_keys=[*best.excluded_embed_metadata_keys, *_OF_CLIPS],
            excluded_llm_metadata_keys=best.excluded_llm_metadata_keys,
            relationships=best.relationships,
        )


_OF_CLIPS = ("clip_start", "clip_end")
_SEVERAL = {"speaker": ", ", "sounds": ", ", "warnings": "; "}
"""Metadata that may hold several things, and what stands between them."""


def _joined(nodes: Sequence[BaseNode]) -> dict[str, str]:
    """Return what the nodes know of such things together, each of them once."""
    found = {}
    for name, between in _SEVERAL.items():
        told = [str(node.metadata[name]) for node in nodes if node.metadata.get(name)]
        found[name] = between.join(dict.fromkeys(between.join(told).split(between)))
    return {name: value for name, value in found.items() if value}


def _warned(found: NodeWithScore, why: str) -> NodeWithScore:
    node = found.node.model_copy(deep=True)
    node.metadata["warnings"] = _with_warning(node.metadata, f"its audio can't be heard: {why}")
    return NodeWithScore(node=node, score=found.score)


def _with_warning(metadata: Mapping[str, Any], told: str) -> str:
    return "; ".join(filter(None, (metadata.get("warnings"), told)))


@lru_cache(maxsize=1)
def _passing_store() -> ClipStore:
    """Return a store that is gone with the process: nodes outlive whoever made them."""
    folder = tempfile.mkdtemp(prefix="qwa-clips-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return ClipStore(folder, budget=_BUDGET)

"""A passage of an archive as a node, under the names that all nodes with sound have here."""

from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.readers.qwen_audio.documents import HIDDEN, UNEMBEDDED

from qwen_audio_tools.archive.hit_metadata import id_of, metadata_of, text_of
from qwen_audio_tools.archive.index.rows import Hit

_NAMES = {"source": "audio_uri", "episode": "episode_id", "speakers": "speaker"}
_HIDDEN = (*HIDDEN, "link", "episode_id", "clip")
_UNEMBEDDED = (*UNEMBEDDED, "link", "episode_id", "clip", "published")


def node_of(hit: Hit) -> TextNode:
    """Return a passage as a node with flat metadata; its Document is the episode.

    The same span of an episode has the same id each time.
    """
    known = metadata_of(hit)
    del known["score"]  # that of one search, which is no part of what the node is
    return TextNode(
        id_=id_of(hit),
        text=text_of(hit),
        metadata={_NAMES.get(name, name): value for name, value in known.items()},
        excluded_embed_metadata_keys=list(_UNEMBEDDED),
        excluded_llm_metadata_keys=list(_HIDDEN),
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.episode)},
    )

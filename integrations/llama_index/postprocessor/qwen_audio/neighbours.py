"""Retrieved spans that lie together in one recording: heard as one clip instead of twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from llama_index.core.schema import BaseNode, NodeWithScore

from qwen_audio_tools.spans import Span


@dataclass(slots=True)
class Neighbours:
    """Nodes of one stretch, the best first; `span` is what is cut, None for nodes without times."""

    nodes: list[NodeWithScore] = field(default_factory=list)
    span: Span | None = None

    @property
    def in_time(self) -> list[BaseNode]:
        """The nodes in the order of the recording."""
        return sorted((each.node for each in self.nodes), key=lambda node: node.metadata["start"])


def grouped(nodes: Sequence[NodeWithScore], *, padding: float, longest: float) -> list[Neighbours]:
    """Return the nodes in groups that are cut as one clip, in the order of their best.

    Each span gets `padding` seconds before and after, as far as `longest` seconds allow.
    """
    groups: list[Neighbours] = []
    for each in nodes:
        words = _words(each.node)
        if words is None:
            groups.append(Neighbours([each]))
            continue
        span = _padded(words, padding, longest)
        met = next((group for group in groups if _meet(group, each.node, span, longest)), None)
        if met is None:
            groups.append(Neighbours([each], span))
            continue
        assert met.span is not None
        met.nodes.append(each)
        met.span = Span(min(met.span.start, span.start), max(met.span.end, span.end))
    return groups


def _words(node: BaseNode) -> Span | None:
    known = [node.metadata.get(name) for name in ("audio_uri", "start", "end")]
    if None in known:
        return None
    return Span(float(str(known[1])), float(str(known[2])))


def _padded(words: Span, padding: float, longest: float) -> Span:
    room = max(0.0, longest - words.seconds) / 2
    more = min(padding, room)
    start = max(0.0, words.start - more)
    return Span(start, min(words.end + more, start + longest))


def _meet(group: Neighbours, node: BaseNode, span: Span, longest: float) -> bool:
    if (
        group.span is None
        or group.nodes[0].node.metadata["audio_uri"] != node.metadata["audio_uri"]
    ):
        return False
    both = Span(min(group.span.start, span.start), max(group.span.end, span.end))
    touching = both.seconds <= group.span.seconds + span.seconds
    return touching and both.seconds <= longest

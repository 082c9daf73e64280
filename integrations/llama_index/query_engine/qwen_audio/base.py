"""AudioCitationQueryEngine: retrieve words, listen to their sound, cite seconds."""

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.base.response.schema import RESPONSE_TYPE, Response
from llama_index.core.callbacks.base import CallbackManager
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.llms import LLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.prompts.mixin import PromptDictType, PromptMixinType
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.settings import Settings
from llama_index.postprocessor.qwen_audio.base import AttachAudioPostprocessor
from llama_index.postprocessor.qwen_audio.labels import label, playback
from llama_index.query_engine.qwen_audio.sources import CITING, asking, cited

_NOTHING = "No recording was found that bears on the question."


class AudioCitationQueryEngine(BaseQueryEngine):
    """Answers a question from recordings: the LLM hears the retrieved spans, and the answer says
    where, as `[episode 12:31–12:58]`.

    `response.metadata` has for each source node its label, where to play it, and whether the answer
    names it.

    Args:
        retriever: of nodes that QwenAudioReader or SegmentNodeParser made.
        llm: an LLM that hears; LlamaIndex's own setting without it.
        attach: how spans are cut; AttachAudioPostprocessor() without it.
        node_postprocessors: what is done before that, such as ranking again.
        citation_template: what is asked below the sources, with {query_str}.
        callback_manager: of LlamaIndex.
    """

    def __init__(
        self,
        retriever: BaseRetriever,
        llm: LLM | None = None,
        *,
        attach: AttachAudioPostprocessor | None = None,
        node_postprocessors: Sequence[BaseNodePostprocessor] = (),
        citation_template: BasePromptTemplate = CITING,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        self._retriever = retriever
        self._llm = llm or Settings.llm
        self._attach = attach or AttachAudioPostprocessor()
        self._postprocessors = [*node_postprocessors, self._attach]
        self._template = citation_template
        super().__init__(callback_manager=callback_manager or Settings.callback_manager)

    @property
    def retriever(self) -> BaseRetriever:
        """The retriever."""
        return self._retriever

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """Return the sources, their sound attached."""
        nodes = self._retriever.retrieve(query_bundle)
        for each in self._postprocessors:
            nodes = each.postprocess_nodes(nodes, query_bundle=query_bundle)
        return nodes

    async def aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """Return the sources, as `retrieve`."""
        nodes = await self._retriever.aretrieve(query_bundle)
        for each in self._postprocessors:
            nodes = await each.apostprocess_nodes(nodes, query_bundle=query_bundle)
        return nodes

    def synthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """Answer from sources that were retrieved already."""
        if not nodes:
            return Response(_NOTHING)
        answer = self._llm.chat(self._asking(query_bundle, nodes)).message.content or ""
        return _response(answer, nodes, additional_source_nodes or ())

    async def asynthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """Answer from sources, as `synthesize`."""
        if not nodes:
            return Response(_NOTHING)
        response = await self._llm.achat(self._asking(query_bundle, nodes))
        return _response(response.message.content or "", nodes, additional_source_nodes or ())

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with self._event(query_bundle) as event:
            response = self.synthesize(query_bundle, self.retrieve(query_bundle))
            event.on_end(payload={EventPayload.RESPONSE: response})
        return response

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with self._event(query_bundle) as event:
            response = await self.asynthesize(query_bundle, await self.aretrieve(query_bundle))
            event.on_end(payload={EventPayload.RESPONSE: response})
        return response

    def _event(self, query_bundle: QueryBundle) -> Any:
        payload: dict[str, Any] = {EventPayload.QUERY_STR: query_bundle.query_str}
        return self.callback_manager.event(CBEventType.QUERY, payload=payload)

    def _asking(self, query_bundle: QueryBundle, nodes: list[NodeWithScore]) -> list[ChatMessage]:
        words = self._template.format(query_str=query_bundle.query_str)
        return [asking(nodes, words, self._attach)]

    def _get_prompts(self) -> PromptDictType:
        return {"citation_template": self._template}

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        self._template = prompts.get("citation_template", self._template)


def _response(
    answer: str, nodes: list[NodeWithScore], additional: Sequence[NodeWithScore]
) -> Response:
    found = cited(answer, nodes)
    metadata = {
        each.node_id: {
            **each.node.metadata,
            "label": label(each.node.metadata),
            "playback": playback(each.node.metadata),
            "cited": place in found.places,
        }
        for place, each in enumerate(nodes)
    }
    return Response(found.text, source_nodes=[*nodes, *additional], metadata=metadata)

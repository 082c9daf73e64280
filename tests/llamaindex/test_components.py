"""Every component is what LlamaIndex expects: its base class, its dict, its pickle."""

import json
import logging
import pickle

import pytest
from llama_index.agent.qwen_audio import AudioReActAgent
from llama_index.core.agent.workflow import ReActAgent
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.node_parser import NodeParser
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.readers.base import BasePydanticReader, BaseReader, ResourcesReaderMixin
from llama_index.core.tools.tool_spec.base import BaseToolSpec
from llama_index.core.vector_stores.types import BasePydanticVectorStore
from llama_index.embeddings.qwen_audio import SentenceEncoderEmbedding
from llama_index.llms.qwen_audio import QwenAudioLLM
from llama_index.node_parser.qwen_audio import SegmentNodeParser
from llama_index.postprocessor.qwen_audio import AttachAudioPostprocessor
from llama_index.prompts.qwen_audio import AudioPromptTemplate
from llama_index.query_engine.qwen_audio import AudioCitationQueryEngine
from llama_index.readers.qwen_audio import QwenAudioReader
from llama_index.retrievers.qwen_audio import ArchiveRetriever
from llama_index.tools.qwen_audio import QwenAudioToolSpec
from llama_index.vector_stores.qwen_audio import LanceAudioStore

from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.sources import agent

BASES = [
    (QwenAudioLLM, BaseLLM),
    (QwenAudioToolSpec, BaseToolSpec),
    (QwenAudioReader, BaseReader),
    (QwenAudioReader, BasePydanticReader),
    (QwenAudioReader, ResourcesReaderMixin),
    (SegmentNodeParser, NodeParser),
    (AttachAudioPostprocessor, BaseNodePostprocessor),
    (AudioCitationQueryEngine, BaseQueryEngine),
    (AudioPromptTemplate, BasePromptTemplate),
    (SentenceEncoderEmbedding, BaseEmbedding),
    (AudioReActAgent, ReActAgent),
    (ArchiveRetriever, BaseRetriever),
    (LanceAudioStore, BasePydanticVectorStore),
]


@pytest.mark.parametrize(("ours", "theirs"), BASES)
def test_each_class_has_its_base_class_of_llama_index(ours, theirs):
    assert theirs.__name__ in [base.__name__ for base in ours.__mro__]


@pytest.fixture(params=["llm", "reader", "parser", "attach", "embedding", "store"])
def component(request, tmp_path):
    """Components with values of their own, none of which opens anything."""
    policy = agent([tmp_path])
    return {
        "llm": lambda: QwenAudioLLM(engine="embedded", policy=policy, seed=7, stop=("x",)),
        "reader": lambda: QwenAudioReader(engine="embedded", policy=policy, grain="window"),
        "parser": lambda: SegmentNodeParser(engine="embedded", policy=policy, speakers=True),
        "attach": lambda: AttachAudioPostprocessor(policy=policy, padding=7.5, on_error="report"),
        "store": lambda: LanceAudioStore(uri=str(tmp_path / "nodes"), table_name="mine"),
        "embedding": lambda: SentenceEncoderEmbedding(embed_batch_size=3),
    }[request.param]()


def fields(component) -> dict:
    """Return a component's dict without what can't be compared."""
    return {k: v for k, v in component.to_dict().items() if k != "id_func"}


def test_a_component_goes_through_json_and_back(component):
    data = json.loads(json.dumps(component.to_dict()))
    assert data["class_name"] == type(component).__name__
    again = type(component).from_dict(data)
    assert fields(again) == fields(component)
    if hasattr(component, "policy"):
        assert again.policy == component.policy


def test_a_component_goes_through_pickle_and_loses_nothing(component, caplog):
    with caplog.at_level(logging.WARNING):
        again = pickle.loads(pickle.dumps(component))
    assert fields(again) == fields(component)
    assert caplog.records == []  # LlamaIndex logs what it can't pickle, and drops it


def test_an_engine_that_is_open_stays_behind(embedded, caplog):
    llm = QwenAudioLLM(engine="embedded")
    opened = llm.opened_engine()
    with caplog.at_level(logging.WARNING):
        again = pickle.loads(pickle.dumps(llm))
    assert (again.engine, again.metadata.model_name) == ("embedded", opened.info.label)
    assert caplog.records == []
    assert llm.opened_engine() is opened


def test_an_engine_object_that_cannot_be_pickled_says_what_can(embedded):
    with pytest.raises(SettingsError, match="can't be pickled") as refused:
        pickle.dumps(QwenAudioLLM(engine=embedded))
    assert "QwenAudioLLM(engine='NAME')" in refused.value.hint
    assert QwenAudioLLM(engine=embedded).to_dict()["engine"] == embedded.info.label


def test_what_is_no_engine_and_no_policy_is_refused_at_once():
    with pytest.raises(ValueError, match="no SourcePolicy"):
        QwenAudioLLM(policy="anything")
    with pytest.raises(SettingsError, match="no engine"):
        QwenAudioLLM(engine=7).opened_engine()
    with pytest.raises(SettingsError, match="no engine is called 'no-such-engine'"):
        QwenAudioLLM(engine="no-such-engine").opened_engine()


def test_making_components_opens_no_engine_and_loads_no_model():
    for make in (QwenAudioLLM, QwenAudioReader, SegmentNodeParser, QwenAudioToolSpec):
        make(engine="no-such-engine")


def test_the_key_of_the_cache_names_the_model(monkeypatch):
    before = SegmentNodeParser(engine="embedded").to_dict()
    monkeypatch.setenv("QWA_WHISPER", "small")
    after = SegmentNodeParser(engine="embedded").to_dict()
    assert before["engine"] == after["engine"]
    assert before["model"] != after["model"]

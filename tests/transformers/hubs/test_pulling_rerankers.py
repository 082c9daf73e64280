"""A cross-encoder comes from a hub as any other model does, at its first use or before."""

import pytest

from qwen_audio_tools.engines.reranking import open_reranker
from qwen_audio_tools.engines.transformers.loading import hubs
from qwen_audio_tools.errors import EngineUnsupported
from qwen_audio_tools.settings import read
from qwen_audio_tools.testing.made_cross_encoders import write_cross_encoder

MODEL = "somebody/reranker"


def offered(hub, folder, **made):
    write_cross_encoder(folder, ["rain", "tea"], **made)
    hub.add(MODEL, {path.name: path.read_bytes() for path in folder.iterdir()})


@pytest.mark.parametrize("name", hubs.HUBS)
def test_it_is_fetched_at_its_first_use_and_kept(hub, tmp_path, name):
    offered(hub, tmp_path / "made")
    rerank = open_reranker(read(archive_rerank=MODEL, hub=name, device="cpu"))
    assert rerank is not None
    assert hub.asked == []
    scores = rerank("rain", ["tea", "rain"])
    asked = len(hub.asked)
    again = open_reranker(read(archive_rerank=MODEL, hub=name, device="cpu", offline=True))
    assert again is not None
    assert again("rain", ["tea", "rain"]) == scores
    assert len(hub.asked) == asked


def test_a_classifier_is_refused_before_its_weights_are_fetched(hub, tmp_path):
    offered(hub, tmp_path / "made", labels=2)
    rerank = open_reranker(read(archive_rerank=MODEL, device="cpu"))
    assert rerank is not None
    with pytest.raises(EngineUnsupported, match="'bert'"):
        rerank("rain", ["tea"])
    assert not [file for file, _ in hub.asked if file.endswith(".safetensors")]

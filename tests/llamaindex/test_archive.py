"""A podcast archive in LlamaIndex: passages as nodes, and answers that listen to them again."""

import asyncio
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from llama_index.core import QueryBundle, StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.embeddings.qwen_audio import SentenceEncoderEmbedding
from llama_index.llms.qwen_audio import QwenAudioLLM
from llama_index.postprocessor.qwen_audio import AttachAudioPostprocessor
from llama_index.query_engine.qwen_audio import AudioCitationQueryEngine
from llama_index.retrievers.qwen_audio import ArchiveRetriever

from qwen_audio_tools.archive.archive import made as made_in
from qwen_audio_tools.archive.index.lance_index import COMMIT
from qwen_audio_tools.archive.opened_search import opened_search
from qwen_audio_tools.errors import ArchiveError, ClipMissing, ClipRefused, SettingsError
from qwen_audio_tools.locking import locked
from qwen_audio_tools.sources import agent
from qwen_audio_tools.testing.made_records import text_record

ROOT = Path(__file__).parents[2]
ASKED = "what happens at noon in the village?"
BELL = "Does a bell ring at noon in the village?"


@pytest.fixture
def search(made):
    return opened_search(made.archive.folder)


@pytest.fixture
def inside(search):
    """What attaches the archive's audio, and opens nothing else."""
    return AttachAudioPostprocessor(policy=search.allowed(agent([])), longest=64.0)


def test_a_node_names_the_span_by_the_names_of_all_nodes_with_sound(made):
    (found,) = ArchiveRetriever(made.archive.folder, similarity_top_k=1).retrieve(ASKED)
    node, passage = found.node, made.village.passages[1]
    assert isinstance(node, TextNode)
    assert node.text.startswith("And now listen to what happens at noon")
    known = node.metadata
    assert (known["start"], known["end"]) == pytest.approx((passage.start, passage.end), abs=0.001)
    assert known["audio_uri"] == str(made.archive.folder / "audio" / "vi" / "village.flac")
    assert known["link"].startswith("https://example.com/village.flac#t=")
    assert (known["show"], known["title"], known["chapter"]) == (
        *("Made Radio", "In the village"),
        "Noon",
    )
    assert (known["speaker"], known["sounds"]) == ("S1, S2", "Church bell, Bell")
    assert known["clip"] == made.village.episode.enclosure.sha256[:12]
    assert node.ref_doc_id == known["episode_id"] == made.village.episode.id
    assert all(isinstance(value, str | int | float) for value in known.values())
    assert found.score > 0


def test_the_same_span_is_the_same_node_however_it_was_found(made):
    held = ArchiveRetriever(made.archive.folder, similarity_top_k=1)
    first, second = (held.retrieve(words)[0].node for words in (ASKED, "noon in the village"))
    assert first == second
    assert first.hash == second.hash


def test_a_model_reads_who_speaks_when_and_no_ids(made):
    (found,) = ArchiveRetriever(made.archive.folder, similarity_top_k=1).retrieve(ASKED)
    shown = found.node.get_content("llm")
    assert "speaker: S1, S2" in shown
    assert "show: Made Radio" in shown
    for hidden in ("audio_uri", "sha256", "episode_id", "link", "clip", "model"):
        assert f"{hidden}: " not in shown
    assert "published" not in found.node.get_content("embed")


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({"show": "economy weekly"}, {"Tariffs"}),
        ({"speaker": "Ada"}, {"Tariffs"}),
        ({"sound": "church bell"}, {"In the village"}),
        ({"since": "2026-03-02"}, {"Tariffs"}),
        ({"until": "2026-02"}, {"On money"}),
        ({"language": "de"}, set()),
        ({"show": "' OR 1=1 --"}, set()),
        ({}, {"On money", "In the village", "Tariffs"}),
    ],
)
def test_filters_hold(made, filters, titles):
    held = ArchiveRetriever(made.archive.folder, similarity_top_k=9, **filters)
    assert {each.node.metadata["title"] for each in held.retrieve(ASKED)} == titles
    found = asyncio.run(held.aretrieve(ASKED))
    assert {each.node.metadata["title"] for each in found} == titles


def test_it_goes_by_words_or_by_meaning_merges_and_ranks_again(search):
    assert ArchiveRetriever(search, by="words").retrieve("zzz") == []
    assert ArchiveRetriever(search, by="meaning").retrieve("zzz")
    likes = ArchiveRetriever(search, rerank=lambda query, texts: ["tariffs" in t for t in texts])
    assert "tariffs" in likes.retrieve(ASKED)[0].text
    apart, told = (
        ArchiveRetriever(search, merge=merge, similarity_top_k=9, show="Made Radio").retrieve(ASKED)
        for merge in (False, True)
    )
    assert len(told) < len(apart)


def test_what_could_never_work_fails_when_it_is_made(tmp_path, search):
    with pytest.raises(ArchiveError, match="there is no archive in"):
        ArchiveRetriever(tmp_path)
    wrongs = {
        "by cannot be 'luck'": {"by": "luck"},
        "a date is": {"since": "yesterday"},
        "'int' scores no texts": {"rerank": 5},
    }
    for why, wrong in wrongs.items():
        with pytest.raises(SettingsError, match=why):
            ArchiveRetriever(search, **wrong)
    with pytest.raises(SettingsError, match="one at least"):
        ArchiveRetriever(search, similarity_top_k=0).retrieve("x")
    with pytest.raises(SettingsError, match="the query is empty"):
        ArchiveRetriever(search).retrieve(" ")


def test_a_question_is_answered_from_what_is_heard_again_with_a_citation(search, inside, embedded):
    # Nothing but the sound tells of the bell: names of sounds never reach the engine.
    retriever = ArchiveRetriever(search, similarity_top_k=1)
    asking = AudioCitationQueryEngine(retriever, QwenAudioLLM(engine=embedded), attach=inside)
    for response in (asking.query(BELL), asyncio.run(asking.aquery(BELL))):
        assert str(response).startswith("Yes, at 0:")
        assert "[Made Radio · In the village 0:0" in str(response)
        (source,) = response.metadata.values()
        assert source["cited"]
        assert source["playback"].startswith("https://example.com/village.flac#t=")
        assert json.loads(json.dumps(source)) == source
    garden = "Does a bell ring while tomatoes get six hours of sun?"
    bare = AttachAudioPostprocessor(policy=inside.policy, padding=0.0)
    silent = AudioCitationQueryEngine(retriever, QwenAudioLLM(engine=embedded), attach=bare)
    assert str(silent.query(garden)).startswith("No")


def test_the_program_of_the_documentation_answers(made, tmp_path):
    text = (ROOT / "docs" / "llama_index.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "heard").symlink_to(made.archive.folder)
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("Yes, at 0:")
    assert "In the village 0:04–0:13] https://example.com/village.flac#t=" in run.stdout


def test_the_sound_of_each_span_reaches_the_model(made, search, inside, writer):
    driver = writer("It rings [1].")
    retriever = ArchiveRetriever(search, similarity_top_k=2, show="Made Radio")
    asking = AudioCitationQueryEngine(retriever, QwenAudioLLM(engine=driver), attach=inside)
    response = asking.query(BELL)
    clip = driver.heard[0][-1].parts[1]
    assert clip.source == str(made.archive.folder / "audio" / "vi" / "village.flac")
    passage = made.village.passages[1]
    assert clip.start <= passage.start
    assert clip.end >= passage.end - 0.1
    assert str(response).startswith("It rings [Made Radio · In the village 0:")


def test_neighbours_that_become_one_clip_keep_one_link_and_all_names(made, search, inside):
    found = ArchiveRetriever(search, show="Made Radio", similarity_top_k=9).retrieve(ASKED)
    village = [each for each in found if each.node.metadata["title"] == "In the village"]
    assert len(village) == 2
    (joined,) = inside.postprocess_nodes(village)
    known = joined.node.metadata
    assert known["start"] == 0.0
    assert known["link"] == f"https://example.com/village.flac#t=0,{known['end']:g}"
    assert known["speaker"] == "S1, S2"
    assert known["sounds"] == "Church bell, Bell"


def test_the_query_engine_of_llama_index_listens_too(search, inside, embedded):
    engine = RetrieverQueryEngine.from_args(
        ArchiveRetriever(search, similarity_top_k=1),
        llm=QwenAudioLLM(engine=embedded),
        node_postprocessors=[inside],
        multimodal=True,
    )
    assert str(engine.query(BELL)).startswith("Yes")


def test_audio_that_is_not_here_ends_the_query_or_leaves_the_words(search, writer):
    policy = search.allowed(agent([]))
    retriever = ArchiveRetriever(search, similarity_top_k=9)
    asked = QueryBundle("who changed his mind about tariffs on steel?")
    nodes = retriever.retrieve(asked)
    with pytest.raises(ClipRefused):
        AttachAudioPostprocessor(policy=policy).postprocess_nodes(nodes)
    attach = AttachAudioPostprocessor(policy=policy, on_error="report", max_clips=1)
    found = [each.node.metadata for each in attach.postprocess_nodes(nodes)]
    heard = next(place for place, known in enumerate(found) if "clip_start" in known)
    away = [known for known in found[:heard] if known["title"] == "Tariffs"]
    assert away
    assert all(known["warnings"].startswith("its audio can't be heard: ") for known in away)
    assert not any("warnings" in each.node.metadata for each in nodes)
    assert sum("clip_start" in known for known in found) == 1  # what failed counts for no clip
    engine = AudioCitationQueryEngine(
        retriever, QwenAudioLLM(engine=writer("The president [1].")), attach=attach
    )
    assert "[Economy Weekly · Tariffs 0:" in str(engine.query(asked))


def test_a_policy_of_the_archive_opens_nothing_else(made, inside, tmp_path):
    node = TextNode(text="x", metadata={"audio_uri": "/etc/passwd", "start": 0.0, "end": 1.0})
    (found,) = ArchiveRetriever(made.archive.folder, similarity_top_k=1).retrieve(ASKED)
    with pytest.raises(ClipRefused):
        inside.postprocess_nodes([found.model_copy(update={"node": node})])
    (made.archive.folder / "gone.flac").unlink(missing_ok=True)
    node.metadata["audio_uri"] = str(made.archive.folder / "gone.flac")
    with pytest.raises(ClipMissing):
        inside.postprocess_nodes([found.model_copy(update={"node": node})])


def test_an_index_and_a_fusion_take_what_was_found(search):
    retriever = ArchiveRetriever(search, similarity_top_k=9)
    nodes = [each.node for each in retriever.retrieve(ASKED)]
    own = VectorStoreIndex(
        nodes,
        embed_model=SentenceEncoderEmbedding(),
        storage_context=StorageContext.from_defaults(),
    )
    both = QueryFusionRetriever(
        [retriever, own.as_retriever(similarity_top_k=9)],
        llm=QwenAudioLLM(engine="embedded"),
        num_queries=1,
        similarity_top_k=9,
        use_async=False,
    )
    found = both.retrieve(ASKED)
    assert len({each.node_id for each in found}) == len(found) == len(nodes)


async def test_a_cancelled_search_stops_bringing_the_index_up_to_date(tmp_path):
    begun, go = threading.Event(), threading.Event()

    class Slow(BaseEmbedding):
        def _get_text_embeddings(self, texts):
            begun.set()
            go.wait(60)
            return [[1.0, 0.0] for _ in texts]

        def _get_text_embedding(self, text):
            return [1.0, 0.0]

        _get_query_embedding = _get_text_embedding

        async def _aget_query_embedding(self, query):
            return [1.0, 0.0]

    archive = made_in(tmp_path / "archive")
    for number in range(2):  # each is as much as is written at once
        archive.ledger.put(text_record("A", str(number), ["Whales sing."] * COMMIT))
    search = opened_search(archive.folder, embedder=Slow(embed_batch_size=2048))
    task = asyncio.create_task(ArchiveRetriever(search).aretrieve("whales"))
    assert await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    with locked(archive.folder / "index.lock"):  # so it has ended
        assert len(search.index) == COMMIT

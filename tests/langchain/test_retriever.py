"""Passages of an archive as Documents; and an agent that finds a place there and listens to it."""

import asyncio
import threading

import pytest
from langchain.agents import create_agent
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import RetrieversIntegrationTests

from langchain_qwen_audio import (
    ArchiveRetriever,
    AudioSearchTool,
    QwenAudioToolkit,
    SentenceEmbeddings,
)
from qwen_audio_tools.archive.archive import made as made_in
from qwen_audio_tools.archive.index.lance_index import COMMIT
from qwen_audio_tools.archive.opened_search import opened_search
from qwen_audio_tools.errors import ArchiveError, SettingsError
from qwen_audio_tools.locking import locked
from qwen_audio_tools.testing.made_records import text_record

ASKED = "what happens at noon in the village?"


@pytest.fixture(scope="module", autouse=True)
def _archive(made) -> None:
    TestStandard.archive = made.archive.folder


class TestStandard(RetrieversIntegrationTests):
    """LangChain's own suite."""

    retriever_constructor = ArchiveRetriever
    retriever_query_example = ASKED

    @property
    def retriever_constructor_params(self):
        return {"archive": self.archive}


@pytest.fixture
def retriever(made) -> ArchiveRetriever:
    return ArchiveRetriever(archive=made.archive.folder, merge=False)


def test_a_document_names_the_span_and_plays(retriever, made):
    (found,) = retriever.invoke(ASKED, k=1)
    assert found.page_content.startswith("And now listen to what happens at noon")
    known = found.metadata
    passage = made.village.passages[1]
    assert (known["start"], known["end"]) == pytest.approx((passage.start, passage.end), abs=0.001)
    assert known["source"] == str(made.archive.folder / "audio" / "vi" / "village.flac")
    assert known["link"].startswith("https://example.com/village.flac#t=")
    assert known["clip"] == made.village.episode.enclosure.sha256[:12]
    assert (known["show"], known["title"]) == ("Made Radio", "In the village")
    assert (known["chapter"], known["sounds"]) == ("Noon", "Church bell, Bell")
    assert found.id == retriever.invoke("noon in the village", k=1)[0].id


def test_a_vector_store_takes_the_documents(retriever):
    store = InMemoryVectorStore(SentenceEmbeddings())
    found = retriever.invoke(ASKED)
    assert store.add_documents(found) == [each.id for each in found]


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({"show": "economy weekly"}, {"Tariffs"}),
        ({"speaker": "Ada"}, {"Tariffs"}),
        ({"sound": "church bell"}, {"In the village"}),
        ({"since": "2026-03-02"}, {"Tariffs"}),
        ({"until": "2026-02"}, {"On money"}),
        ({"language": "de"}, set()),
    ],
)
def test_filters_hold_from_the_constructor_and_for_one_call(made, filters, titles):
    held = ArchiveRetriever(archive=made.archive.folder, **filters)
    assert {each.metadata["title"] for each in held.invoke(ASKED)} == titles
    plain = ArchiveRetriever(archive=held.archive)
    assert {each.metadata["title"] for each in plain.invoke(ASKED, **filters)} == titles
    everything = {each.metadata["title"] for each in plain.invoke(ASKED)}
    assert everything == {"Tariffs", "In the village", "On money"}


def test_a_cross_encoder_or_a_function_decides_the_order(retriever):
    class Likes(BaseCrossEncoder):
        def score(self, text_pairs):
            return [float("tariffs" in text) for _, text in text_pairs]

    for rerank in (Likes(), lambda query, texts: [float("tariffs" in each) for each in texts]):
        held = ArchiveRetriever(archive=retriever.archive, rerank=rerank, merge=False, k=1)
        for (found,) in (held.invoke(ASKED), retriever.invoke(ASKED, rerank=rerank, k=1)):
            assert "tariffs" in found.page_content


def test_it_goes_by_words_or_by_meaning(retriever):
    assert retriever.invoke("zzz", by="words") == []
    assert retriever.invoke("zzz", by="meaning")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"by": "luck"}, "by cannot be 'luck'"),
        ({"since": "yesterday"}, "a date is"),
        ({"k": 0}, "one at least"),
        ({"shows": "x"}, "did you mean 'show'"),
        ({"rerank": 5}, "'int' scores no texts"),
    ],
)
def test_what_makes_no_sense_in_a_call_is_refused(retriever, wrong, why):
    with pytest.raises(SettingsError, match=why):
        retriever.invoke("x", **wrong)


def test_what_could_never_work_fails_when_it_is_made(tmp_path, made):
    with pytest.raises(ArchiveError, match="there is no archive in"):
        ArchiveRetriever(archive=tmp_path)
    for wrong in ({"shows": "x"}, {"by": "luck"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ArchiveRetriever(archive=made.archive.folder, **wrong)
    with pytest.raises(SettingsError, match="scores no texts"):
        ArchiveRetriever(archive=made.archive.folder, rerank=5)
    with pytest.raises(SettingsError, match="give no searcher beside it"):
        QwenAudioToolkit(archive=made.archive.folder, searcher=lambda query, k: [])


async def test_a_cancelled_search_stops_bringing_the_index_up_to_date(tmp_path):
    begun, go = threading.Event(), threading.Event()

    class Slow(Embeddings):
        def embed_documents(self, texts):
            begun.set()
            go.wait(60)
            return [[1.0, 0.0] for _ in texts]

        def embed_query(self, text):
            return [1.0, 0.0]

    archive = made_in(tmp_path / "archive")
    for number in range(2):  # each is as much as is written at once
        archive.ledger.put(text_record("A", str(number), ["Whales sing."] * COMMIT))
    search = opened_search(archive.folder, embedder=Slow())
    task = asyncio.create_task(ArchiveRetriever(archive=search).ainvoke("whales"))
    assert await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    with locked(archive.folder / "index.lock"):  # so it has ended
        assert len(search.index) == COMMIT


class Listener(BaseChatModel):
    """Searches, and asks about the first span that was found what no word of it tells."""

    @property
    def _llm_type(self) -> str:
        return "listener"

    def bind_tools(self, tools, **kwargs):
        return self

    def _generate(self, messages, *args, **kwargs) -> ChatResult:
        told = [each for each in messages if isinstance(each, ToolMessage)]
        if not told:
            call = {"name": "search_audio", "args": {"query": ASKED, "k": 1}, "id": "1"}
        elif len(told) == 1:
            (found,) = told[0].artifact
            place = {"audio": found["source"], "start_s": found["start"], "end_s": found["end"]}
            asked = {"question": "does a bell ring?", **place}
            call = {"name": "ask_audio", "args": asked, "id": "2"}
        else:
            call = None
        answer = AIMessage("", tool_calls=[call]) if call else AIMessage(told[-1].text)
        return ChatResult(generations=[ChatGeneration(message=answer)])


def test_an_agent_finds_a_place_in_the_archive_and_listens_to_it_again(made):
    toolkit = QwenAudioToolkit(engine="embedded", archive=made.archive.folder, roots=[])
    end = agent_of(toolkit).invoke({"messages": [("user", "Is there a bell at noon?")]})
    searched, heard = [each for each in end["messages"] if isinstance(each, ToolMessage)]
    assert "«Made Radio · In the village»" in searched.text
    assert (searched.status, heard.status) == ("success", "success")
    assert end["messages"][-1].text.startswith("Yes, at 0:0")
    (bell,) = [each for each in heard.artifact["evidence"] if each["kind"] == "sound"][:1]
    rung = made.village.sounds[0]
    assert bell["start"] == pytest.approx(rung.start, abs=1.5)


async def test_in_asyncio_it_is_the_same(made):
    toolkit = QwenAudioToolkit(engine="embedded", archive=made.archive.folder, roots=[])
    end = await agent_of(toolkit).ainvoke({"messages": [("user", "Is there a bell at noon?")]})
    assert end["messages"][-1].text.startswith("Yes, at 0:0")


def agent_of(toolkit: QwenAudioToolkit):
    return create_agent(Listener(), toolkit.get_tools())


def test_with_an_archive_agents_may_open_its_audio_and_nothing_more(made, tmp_path):
    toolkit = QwenAudioToolkit(engine="embedded", archive=made.archive.folder, roots=[tmp_path])
    asking, *_, searching = toolkit.get_tools()
    assert searching.name == "search_audio"
    told = asking.args_schema.model_json_schema()["properties"]["audio"]["description"]
    assert str(tmp_path) in told
    assert str(made.archive.folder) in told
    for named in ("/etc/passwd", str(made.archive.folder.parent / "x.wav")):
        text = asking.invoke({"question": "what?", "audio": named})
        assert "outside the allowed folders" in text


def test_a_retriever_as_a_searcher_keeps_its_filters_and_gives_as_many_as_asked(made):
    held = ArchiveRetriever(archive=made.archive.folder, show="Made Radio", merge=False, k=1)
    tool = AudioSearchTool(searcher=held)
    call = {"name": tool.name, "args": {"query": ASKED, "k": 3}, "id": "1", "type": "tool_call"}
    found = tool.invoke(call).artifact
    assert len(found) == 3
    assert all(each["title"].startswith("Made Radio · ") for each in found)
    assert found[0]["speaker"] == "S1, S2"

"""An agent searches recordings by whatever can: a vector store, a retriever, an archive, a list."""

import pytest
from langchain_core.documents import Document
from langchain_core.messages import ToolMessage
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_qwen_audio import (
    AudioSearchTool,
    QwenAudioLoader,
    QwenAudioToolkit,
    SentenceEmbeddings,
)
from qwen_audio_tools.agents.searching import Found
from qwen_audio_tools.errors import ClipMissing, SettingsError


class Shelf:
    """A list of passages, searched by the words that they share with a query."""

    def __init__(self, documents: list[Document]) -> None:
        self.documents = documents

    def search(self, query: str, k: int) -> list[Found]:
        words = set(query.lower().split())

        def shared(document: Document) -> int:
            return len(words & set(document.page_content.lower().split()))

        return [
            Found(
                text=each.page_content,
                source=each.metadata["source"],
                start=each.metadata["start"],
                end=each.metadata["end"],
            )
            for each in sorted(self.documents, key=shared, reverse=True)[:k]
        ]


@pytest.fixture(scope="module")
def documents(folder) -> list[Document]:
    """What is said and heard in the folder of recordings."""
    return QwenAudioLoader(folder, engine="embedded", mode="window").load()


@pytest.fixture(scope="module")
def index(documents) -> InMemoryVectorStore:
    made = InMemoryVectorStore(SentenceEmbeddings())
    made.add_documents(documents)
    return made


def call(tool, **arguments) -> ToolMessage:
    return tool.invoke({"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"})


@pytest.fixture(params=["a vector store", "a retriever", "an object", "a function"])
def tool(request, documents, index) -> AudioSearchTool:
    ways = {
        "a vector store": index,
        "a retriever": index.as_retriever(search_kwargs={"k": 2}),
        "an object": Shelf(documents),
        "a function": Shelf(documents).search,
    }
    return AudioSearchTool(searcher=ways[request.param])


def test_the_passage_is_found_with_the_place_where_it_is(tool):
    message = call(tool, query="the budget is how many dollars", k=1)
    assert "said.wav [0.0-" in message.text
    assert "budget" in message.text
    (found,) = message.artifact
    assert found["source"].endswith("said.wav")
    assert found["end"] > 3.0


async def test_in_asyncio_it_is_the_same(tool):
    text = await tool.ainvoke({"query": "the budget is how many dollars", "k": 1})
    assert "budget" in text


def test_what_was_found_can_be_asked_about(index, folder):
    toolkit = QwenAudioToolkit(engine="embedded", roots=[folder], searcher=index)
    asking, *_, searching = toolkit.get_tools()
    (found,) = call(searching, query="somebody rings at the door", k=1).artifact
    assert found["source"].endswith("bell.wav")
    answer = call(asking, question="Is there a bell?", audio=found["source"]).text
    assert answer.startswith("Yes")


def test_a_searcher_that_fails_tells_the_agent():
    def gone(query: str, k: int) -> list[Found]:
        raise ClipMissing("the archive is not there", hint="qwa archive add")

    message = call(AudioSearchTool(searcher=gone), query="x")
    assert message.status == "error"
    assert message.text == "Error: the archive is not there. What to do: qwa archive add."


def test_wrong_arguments_are_explained(index):
    tool = AudioSearchTool(searcher=index)
    assert call(tool, k=3).text.startswith("Error: query: Field required")
    assert "less than or equal to 50" in call(tool, query="x", k=500).text


def test_what_cannot_be_searched_is_refused():
    with pytest.raises(SettingsError, match=r"nothing can be searched by 'int'"):
        AudioSearchTool(searcher=5)

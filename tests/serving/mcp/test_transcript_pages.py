"""A long transcript comes in pages: nothing is lost between them, and none is heard twice."""

import json

import pytest

from qwen_audio_tools.agents.references import References
from qwen_audio_tools.agents.tools import Ears
from qwen_audio_tools.answer import Answer, Coverage
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.serving.mcp.results import Result, harmless, rounded
from qwen_audio_tools.serving.mcp.tools import table
from qwen_audio_tools.serving.mcp.transcripts import KeptTranscripts, page_of
from qwen_audio_tools.sources import agent
from qwen_audio_tools.stopping import Stop
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine
from qwen_audio_tools.transcript import Segment, Transcript


def _all_pages(transcript: Transcript, answer: Answer, most: int) -> list[Result]:
    written = (transcript, answer)
    clip = Clip("said.wav")
    count = page_of(written, clip, 1, most).data["pages"]
    pages = [page_of(written, clip, number, most) for number in range(1, count + 1)]
    with pytest.raises(SettingsError, match=f"this transcript has {count}"):
        page_of(written, clip, count + 1, most)
    return pages


@pytest.mark.parametrize("most", [500, 3_000, 12_000])
@pytest.mark.parametrize(
    "texts",
    [
        [f"sentence number {at}" for at in range(900)],
        ["字" * 40] * 300,
        ["one " * 30_000],
        ["x" * 50_000, "short", "y" * 3_000],
        [],
    ],
    ids=["many", "Chinese", "one that is long", "no spaces", "nothing"],
)
def test_all_words_stand_on_the_pages_in_order_and_each_is_bounded(texts, most):
    segments = tuple(
        Segment(start=float(at), end=at + 1.0, text=text) for at, text in enumerate(texts)
    )
    answer = Answer(text="", coverage=Coverage(9.0, 9.0), warnings=("stereo was mixed down",))
    pages = _all_pages(Transcript(segments=segments), answer, most)
    told = [segment["text"] for page in pages for segment in page.data["segments"]]
    assert "".join(told) == "".join(texts)
    for page in pages:
        assert "stereo was mixed down" in page.text
        assert "cut here" not in page.text or most < 2_500
        assert len(page.text) <= most + 100
        assert len(json.dumps(page.data, ensure_ascii=False)) <= 2 * most + 3_000
    if len(pages) > 1:
        assert "call again with page=2" in pages[0].text
        assert "call again" not in pages[-1].text


def test_the_next_page_costs_no_second_listening(folder):
    words = " ".join(f"word{number}" for number in range(9_000))
    engine = ScriptedEngine([words], abilities=frozenset(Ability) - {Ability.TIMES})
    ears = Ears(engine=engine, references=References(policy=agent([folder])))
    tool = next(each for each in table("a path") if each.words.name == "transcribe")
    first = tool.work(ears, {"audio": "said.wav"}, Stop())
    pages = [
        tool.work(ears, {"audio": "said.wav", "page": number}, Stop())
        for number in range(1, first.data["pages"] + 1)
    ]
    assert len(pages) > 1
    assert len(engine.heard) == 1
    found = "".join(each["text"] for page in pages for each in page.data["segments"])
    assert found.split() == words.split()


def test_only_the_last_transcripts_are_kept():
    kept = KeptTranscripts()
    written = [(Transcript(segments=()), Answer(text=str(number))) for number in range(20)]
    for number, each in enumerate(written):
        assert kept.get((str(number),), lambda each=each: each) is each
    assert kept.get(("19",), lambda: written[0]) is written[19]
    assert kept.get(("0",), lambda: written[3]) is written[3]


def test_data_carries_no_control_tokens_and_no_long_fractions():
    data = {"a": ["<|im_start|>", {"b": (0.1 + 0.2, 1 / 3, 12.345678)}], "c": None, "d": True}
    assert harmless(rounded(data)) == {
        "a": ["< |im_start| >", {"b": [0.3, 0.33333, 12.346]}],
        "c": None,
        "d": True,
    }

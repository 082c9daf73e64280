"""Models that note who said what when: from their tokens to segments, evidence and subtitles.

The models here reply with a given text, in the notation of their family, whatever they hear.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qwen_audio_tools import Clip, Options, ask, open_engine, transcribe
from qwen_audio_tools.engines.families import ALIGNED, FAMILIES
from qwen_audio_tools.errors import EngineOutOfMemory, EngineUnsupported
from qwen_audio_tools.testing.made_checkpoints import write_checkpoint
from qwen_audio_tools.testing.made_parrots import let_it_say
from qwen_audio_tools.testing.made_siblings import ALIGNER, write_sibling

NOTED = {
    "vibevoice_asr": '[{"Start":0,"End":1.20,"Speaker":0,"Content":"Please call me back."},'
    '{"Start":1.20,"End":2.25,"Speaker":1,"Content":"I will, 好的."}]\n',
    "moss_transcribe_diarize": "[0.00][S01]Please call me back.[1.20]"
    "[1.20][S02]I will, 好的.[2.25]",
}
ENGLISH = "language English<asr_text>Please call me back. I will."
PREAMBLE = "The original content of this audio is: 'Please call me back. I will.'"


@pytest.fixture(scope="module")
def parrot(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Return an engine whose model says a text; each is written once."""
    known: dict[tuple[str, str], Path] = {}

    def opened(family: str, text: str, **settings: object) -> Any:
        if (family, text) not in known:
            folder = tmp_path_factory.mktemp("parrots") / family
            small = write_checkpoint(folder) if family == "qwen2" else write_sibling(folder, family)
            known[family, text] = let_it_say(small, text)
        return open_engine(f"transformers:{known[family, text]}", device="cpu", **settings)

    return opened


@pytest.fixture(scope="module")
def aligner(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_sibling(tmp_path_factory.mktemp("aligners") / "aligner", ALIGNER))


@pytest.fixture
def clip(made) -> Clip:
    return Clip((made["speech"][: round(2.25 * 16_000)], 16_000), title="call")


@pytest.mark.parametrize("family", NOTED)
def test_a_transcript_with_speakers_has_their_turns_and_times(family, parrot, clip):
    engine = parrot(family, NOTED[family])
    transcript, answer = transcribe(clip, engine=engine, speakers=True)
    found = [(s.start, s.end, s.speaker, s.text) for s in transcript.segments]
    assert found == [
        (0.0, 1.2, "S1", "Please call me back."),
        (1.2, 2.25, "S2", "I will, 好的."),
    ]
    assert answer.text == "S1: Please call me back.\nS2: I will, 好的."
    assert answer.warnings == ()


@pytest.mark.parametrize("family", NOTED)
def test_who_speaks_when_can_be_asked_as_a_task_but_not_in_words(family, parrot, clip):
    engine = parrot(family, NOTED[family])
    answer = ask(clip, engine=engine, options=Options(task="speakers"))
    turns = [(e.start, e.end, e.text) for e in answer.evidence if e.kind == "speaker"]
    assert turns == [(0.0, 1.2, "S1"), (1.2, 2.25, "S2")]
    with pytest.raises(EngineUnsupported, match="only transcribe: they read no question"):
        ask(clip, "Who speaks when?", engine=engine)


@pytest.mark.parametrize("family", NOTED)
def test_a_part_of_a_recording_has_the_times_of_the_recording(family, parrot, made):
    whole = Clip((np.tile(made["speech"], 3), 16_000))
    transcript, _ = transcribe(whole[4.0:6.25], engine=parrot(family, NOTED[family]), speakers=True)
    assert [(s.start, s.end) for s in transcript.segments] == [(4.0, 5.2), (5.2, 6.25)]


def test_a_model_that_tells_no_speakers_is_not_asked_for_them(parrot, clip):
    with pytest.raises(EngineUnsupported, match="lacks speakers"):
        transcribe(clip, engine=parrot("qwen3_asr", ENGLISH), speakers=True)


def test_qwen3_asr_tells_the_language_and_with_an_aligner_the_times(parrot, clip, aligner):
    transcript, answer = transcribe(clip, engine=parrot("qwen3_asr", ENGLISH))
    assert answer.text == "Please call me back. I will."
    assert transcript.language == "en"
    assert [(s.start, s.end) for s in transcript.segments] == [(0.0, 2.25)]
    engine = parrot("qwen3_asr", ENGLISH, aligner=aligner)
    transcript, answer = transcribe(clip, engine=engine)
    assert [s.text for s in transcript.segments] == ["Please call me back.", "I will."]
    assert all(0.0 <= s.start <= s.end <= 2.25 for s in transcript.segments)
    assert transcript.language == "en"


def test_qwen2_audio_has_its_words_aligned_without_what_it_puts_around_them(parrot, clip, aligner):
    engine = parrot("qwen2", PREAMBLE, aligner=aligner)
    transcript, answer = transcribe(clip, engine=engine)
    assert [s.text for s in transcript.segments] == ["Please call me back.", "I will."]
    assert answer.text == "Please call me back. I will."
    assert ask(clip, "What is the content?", engine=engine).text == PREAMBLE


def test_each_part_of_a_long_recording_loses_its_preamble(parrot, made):
    pause = np.zeros(8_000, np.float32)
    said = np.tile(np.concatenate([made["speech"], pause]), 30)[: 70 * 16_000]
    transcript, answer = transcribe(Clip((said, 16_000)), engine=parrot("qwen2", PREAMBLE))
    assert answer.coverage.complete
    assert len(transcript.segments) == 3
    assert {s.text for s in transcript.segments} == {"Please call me back. I will."}


def test_what_is_aligned_is_heard_in_what_the_aligner_takes(parrot, aligner, made):
    plain, aligning = parrot("qwen3_asr", ENGLISH), parrot("qwen3_asr", ENGLISH, aligner=aligner)
    assert plain.info.window == FAMILIES["qwen3_asr"].window > ALIGNED == aligning.info.window
    pause = np.zeros(8_000, np.float32)
    said = np.resize(np.concatenate([made["speech"], pause]), 310 * 16_000)
    transcript, answer = transcribe(Clip((said, 16_000)), engine=aligning)
    assert answer.coverage.complete
    assert [s.text for s in transcript.segments] == ["Please call me back.", "I will."] * 2
    assert transcript.segments[1].end <= 300.0 < transcript.segments[2].end <= 310.0


def test_words_of_two_clips_at_once_are_not_aligned_to_one_of_them(parrot, clip, aligner):
    engine = parrot("qwen2", "Please call me back. I will.", aligner=aligner)
    found = ask([clip, clip], engine=engine, options=Options(task="transcribe"))
    assert found.text == "Please call me back. I will."
    assert {item.kind for item in found.evidence} == {"heard"}
    assert "words of several clips at once get no times" in found.warnings


def test_an_aligner_that_does_not_fit_is_refused_before_a_word_is_written(
    parrot, clip, tmp_path, work
):
    folder = write_sibling(tmp_path / "aligner", ALIGNER)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"] |= {"num_hidden_layers": 10**9}
    (folder / "config.json").write_text(json.dumps(config))
    engine = parrot("qwen2", PREAMBLE, aligner=str(folder))
    with pytest.raises(EngineOutOfMemory, match=r"aligner.* needs about"):
        transcribe(clip, engine=engine)
    assert work.read == []

"""`qwa ask` and `qwa transcribe` with Qwen2-Audio in the process: a tiny one of random weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwen_audio_tools import Answer, Clip, Options, ask, open_engine
from qwen_audio_tools.testing import speech, tone, write
from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

GREEDY = ("--temperature", "0", "--max-tokens", "8")
CUT = "warning: the answer was cut after 8 tokens: max_tokens"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("models") / "Tiny-Audio-Instruct")


@pytest.fixture
def qwa(run_qwa, checkpoint) -> Callable[..., Any]:
    """Run a command with this model on the CPU."""

    def run(*words: object, model: Path = checkpoint) -> Any:
        return run_qwa(*words, "--engine", f"transformers:{model}", "--device", "cpu")

    return run


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write(folder / "tone.wav", tone(440.0, 3.0))
    write(folder / "blip.wav", tone(440.0, 0.05))
    write(folder / "long.wav", tone(440.0, 70.0))
    write(folder / "speech.wav", speech("Please call me back."))
    return folder


def test_the_answer_comes_first_and_stderr_holds_our_own_lines_only(qwa, checkpoint, clips):
    run = qwa("ask", clips / "tone.wav", "What is it?", *GREEDY)
    asked = open_engine(f"transformers:{checkpoint}", device="cpu")
    options = Options(temperature=0.0, max_tokens=8)
    told = ask(Clip(clips / "tone.wav"), "What is it?", engine=asked, options=options).text
    assert run.code == 0
    answer, blank, evidence = run.out.splitlines()
    assert (answer, blank) == (told, "")
    assert evidence.split() == ["0:00.0–0:03.0", "heard", "75", "audio", "tokens"]
    assert run.err.splitlines() == [CUT, f"engine: transformers:{checkpoint}"]


def test_json_is_the_whole_answer(qwa, checkpoint, clips):
    run = qwa("ask", clips / "tone.wav", "What is it?", *GREEDY, "--json")
    answer = Answer.from_dict(json.loads(run.out))
    assert answer.question == "What is it?"
    assert answer.engine == f"transformers:{checkpoint}"
    assert answer.coverage.complete
    assert answer.usage.audio_tokens == 75
    assert answer.usage.output_tokens == 8
    assert answer.warnings == (CUT.removeprefix("warning: "),)
    assert [item.kind for item in answer.evidence] == ["heard"]


def test_what_was_changed_in_the_input_is_said_on_stderr(qwa, clips):
    run = qwa("ask", clips / "blip.wav", "What is it? <|AUDIO|>", *GREEDY)
    assert run.code == 0
    said = run.err.splitlines()
    assert "warning: filled up with 50 ms of silence" in said
    assert any("'<|AUDIO|>' in a text is no control token here" in line for line in said)


def test_a_seed_repeats_an_answer_in_another_process(qwa, clips):
    words = ("ask", clips / "tone.wav", "What is it?", "--max-tokens", "12", "--seed")
    first, again, other = (qwa(*words, seed).out for seed in (1, 1, 2))
    assert first == again != other


def test_a_schema_gives_json_that_a_script_can_read(qwa, clips, tmp_path):
    schema = {"type": "object", "properties": {"loud": {"type": "boolean"}}, "required": ["loud"]}
    schema["additionalProperties"] = False
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    run = qwa(
        *("ask", clips / "tone.wav", "Is it loud?", "--json"),
        *("--schema", tmp_path / "schema.json", "--temperature", "0"),
    )
    assert json.loads(json.loads(run.out)["text"])["loud"] in (True, False)


def test_several_questions_are_answered_in_their_order(qwa, clips):
    run = qwa(
        *("ask", clips / "tone.wav", "-Q", "What is it?", "-Q", "Where is it?", *GREEDY, "--jsonl")
    )
    questions = [json.loads(line)["question"] for line in run.out.splitlines()]
    assert questions == ["What is it?", "Where is it?"]


def test_a_long_recording_is_asked_about_in_parts_with_their_times(qwa, clips):
    run = qwa("ask", clips / "long.wav", "What is it?", *GREEDY, "--json")
    answer = Answer.from_dict(json.loads(run.out))
    assert answer.coverage.complete
    assert answer.coverage.total == 70.0
    assert [item.kind for item in answer.evidence] == ["note"] * len(answer.evidence)
    assert answer.evidence[-1].end == 70.0


def test_a_transcript_is_written_as_subtitles(qwa, clips):
    run = qwa("transcribe", clips / "speech.wav", "--format", "srt", *GREEDY)
    assert run.code == 0
    lines = run.out.splitlines()
    assert lines[0] == "1"
    assert lines[1].startswith("00:00:00,000 --> 00:00:0")
    assert lines[2]


@pytest.fixture
def models(tmp_path) -> Path:
    """Folders that are no models of this engine."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "config.json").write_text('{"model_type": "qwen2"}')
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / "config.json").write_text('{"model_type": "qwen2_audio"}')
    return tmp_path


REFUSALS = [
    # words, model, exit code, words of the error line
    (("ask", "nosuch.wav", "What?"), None, 3, "there is no file"),
    (("ask", "tone.wav", "What?"), "nosuch", 2, "neither a folder here nor the id of a model"),
    (("ask", "tone.wav", "What?"), "empty", 2, "is no checkpoint"),
    (("ask", "tone.wav", "What?"), "text", 2, "model_type 'qwen2'"),
    (("ask", "tone.wav", "What?"), "hollow", 6, "no weights"),
    (("ask", "tone.wav", "What?", "--set", "reuse_mb=some"), None, 2, "reuse_mb cannot be 'some'"),
    (("ask", "tone.wav", "What?", "--quantize", "4bit"), None, 2, "quantize cannot be '4bit'"),
    (("ask", "tone.wav", "What?", "--seed", "99999999999999999999"), None, 2, "seed cannot be"),
    (("transcribe", "nosuch.wav"), None, 3, "there is no file"),
    (("transcribe", "tone.wav"), "text", 2, "model_type 'qwen2'"),
]


@pytest.mark.parametrize(("words", "model", "code", "said"), REFUSALS)
def test_what_cannot_be_has_its_exit_code_one_line_and_a_hint(
    qwa, clips, checkpoint, models, words, model, code, said
):
    named = [clips / word if word.endswith(".wav") else word for word in words]
    run = qwa(*named, model=models / model if model else checkpoint)
    assert (run.code, run.out) == (code, ""), run.err
    error, hint = run.err.splitlines()
    assert error.startswith("qwa: error: ")
    assert said in error
    assert hint.startswith("hint: ")


def test_a_checkpoint_that_does_not_hear_fails_as_an_engine(qwa, clips, tmp_path):
    deaf = write_checkpoint(tmp_path / "Deaf-Audio-Instruct")
    template = (deaf / "chat_template.jinja").read_text()
    (deaf / "chat_template.jinja").write_text(template.replace("<|AUDIO|>", ""))
    run = qwa("ask", clips / "tone.wav", "What is it?", model=deaf)
    assert (run.code, run.out) == (6, "")
    assert "do not fit the 0 places for audio" in run.err
    assert "Traceback" not in run.err


def test_one_clip_of_many_that_fails_does_not_stop_the_others(qwa, clips):
    run = qwa("ask", clips / "tone.wav", clips / "nosuch.wav", "What is it?", *GREEDY, "--jsonl")
    assert run.code == 7
    assert len(run.out.splitlines()) == 1
    assert "there is no file" in run.err

"""Transcriptions and translations through OpenAI's own client, of speech with known words."""

import json
from io import BytesIO

import openai
import pytest

from qwen_audio_tools import open_engine
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing import silence, speech, write
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


@pytest.fixture(scope="module")
def embedded():
    return open_engine("embedded")


@pytest.fixture
def running(serve, embedded):
    return serve(embedded)


@pytest.fixture
def audio(running):
    """OpenAI's `client.audio` of the running server."""
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0) as client:
        yield client.audio


def _write_down(audio, path, **options):
    with path.open("rb") as file:
        return audio.transcriptions.create(model="embedded", file=file, **options)


def test_what_is_said_is_written_down(audio, said):
    reply = _write_down(audio, said)
    assert "budget" in reply.text
    assert reply.usage.type == "duration"
    assert reply.usage.seconds == pytest.approx(reply.qwa["coverage"]["total"])
    assert reply.qwa["coverage"]["gaps"] == []


def test_a_text_is_the_words_and_nothing_else(audio, said):
    text = _write_down(audio, said, response_format="text")
    assert text == f"{_write_down(audio, said).text}\n"


def test_subtitles_are_subtitles(audio, said):
    srt = _write_down(audio, said, response_format="srt")
    assert srt.startswith("1\n00:00:0")
    assert " --> 00:00:0" in srt
    assert _write_down(audio, said, response_format="vtt").startswith("WEBVTT\n\n00:00:0")


def test_verbose_json_has_segments_with_times(audio, said):
    reply = _write_down(
        audio, said, response_format="verbose_json", timestamp_granularities=["segment"]
    )
    assert reply.language == "en"
    assert reply.duration > 1.0
    assert reply.text == " ".join(segment.text for segment in reply.segments)
    first = reply.segments[0]
    assert 0.0 <= first.start < first.end <= reply.duration + 0.1
    assert first.avg_logprob < 0
    assert first.no_speech_prob is None  # nobody measured it


def test_who_speaks_is_told_when_asked_for(audio, tmp_path):
    import numpy as np

    low, high = speech("I am afraid not.", voice="en-us+m3"), speech("Why?", voice="en-us+f4")
    write(tmp_path / "two.wav", np.concatenate([low, silence(0.5), high]))
    reply = _write_down(audio, tmp_path / "two.wav", response_format="diarized_json")
    assert all(segment.speaker for segment in reply.segments)
    assert reply.segments[0].type == "transcript.text.segment"


def test_a_translation_is_english(audio, tmp_path):
    write(tmp_path / "es.wav", speech("Buenos días, el presupuesto es pequeño.", voice="es"))
    with (tmp_path / "es.wav").open("rb") as file:
        reply = audio.translations.create(model="embedded", file=file)
        assert reply.text
        file.seek(0)
        verbose = audio.translations.create(
            model="embedded", file=file, response_format="verbose_json"
        )
    assert verbose.language == "english"
    assert verbose.text == reply.text
    assert verbose.task == "translate"


def test_a_transcript_streams_and_its_pieces_are_the_whole(audio, said):
    events = list(_write_down(audio, said, stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert events[-1].text == "".join(event.delta for event in events[:-1])
    assert events[-1].text == _write_down(audio, said).text


def test_the_words_of_a_model_stream_as_it_writes(serve, said):
    running = serve(
        ScriptedEngine(["the budget is small"], abilities=frozenset(Ability) - {Ability.TIMES})
    )
    with running.client() as client:
        reply = client.post(
            "/v1/audio/transcriptions",
            files={"file": ("said.wav", said.read_bytes())},
            data={"stream": "true"},
        )
    events = [json.loads(line[6:]) for line in reply.text.split("\n\n") if "{" in line]
    assert "".join(event.get("delta", "") for event in events) == "the budget is small"
    assert events[-1]["text"] == "the budget is small"
    assert events[-1]["usage"]["input_token_details"]["audio_tokens"] > 0


def test_silence_has_no_words(audio, tmp_path):
    write(tmp_path / "silence.wav", silence(2.0))
    assert _write_down(audio, tmp_path / "silence.wav").text == ""
    assert _write_down(audio, tmp_path / "silence.wav", response_format="srt") == ""


def test_the_language_of_the_speech_may_be_named(serve, telling, said):
    running = serve(telling(abilities=frozenset(Ability) - {Ability.TIMES}))
    with running.client() as client:
        file = {"file": ("said.wav", said.read_bytes())}
        reply = client.post(
            "/v1/audio/transcriptions",
            files=file,
            data={"language": "DE", "temperature": "0.2", "chunking_strategy": "auto"},
        )
    told = json.loads(reply.json()["text"])
    assert (told["language"], told["temperature"], told["task"]) == ("de", 0.2, "transcribe")


def test_warnings_of_a_text_are_told_in_a_header(running, said):
    with running.client() as client:
        reply = client.post(
            "/v1/audio/transcriptions",
            files={"file": ("said.wav", said.read_bytes())},
            data={"response_format": "text", "temperature": "0.7"},
        )
    (warning,) = json.loads(reply.headers["x-qwa-warnings"])
    assert "temperature changed nothing" in warning


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", "Quilter"),
        ("include[]", "logprobs"),
        ("known_speaker_names[]", "ann"),
        ("keywords[]", "budget"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
        ("response_format", "yaml"),
        ("language", "no-such-thing"),
        ("temperature", "hot"),
        ("temperature", "3"),
        ("stream", "perhaps"),
        ("best_of", "5"),
    ],
)
def test_what_is_not_taken_is_refused_by_name(running, error, said, field, value):
    with running.client() as client:
        reply = client.post(
            "/v1/audio/transcriptions",
            files={"file": ("said.wav", said.read_bytes())},
            data={field: value},
        )
    assert reply.status_code == 400
    assert field.removesuffix("[]") in error(reply)["message"]
    assert running.answers()


def test_what_cannot_stream_is_refused(running, error, said):
    file = {"file": ("said.wav", said.read_bytes())}
    with running.client() as client:
        for path, data in (
            ("transcriptions", {"stream": "true", "response_format": "srt"}),
            ("translations", {"stream": "true"}),
        ):
            reply = client.post(f"/v1/audio/{path}", files=file, data=data)
            assert reply.status_code == 400
            assert "stream" in error(reply)["message"]
        reply = client.post(
            "/v1/audio/translations", files=file, data={"response_format": "diarized_json"}
        )
        assert reply.status_code == 400


def test_a_form_must_hold_one_file_of_audio(running, error, said):
    data = said.read_bytes()
    with running.client() as client:
        none = client.post("/v1/audio/transcriptions", files={"model": (None, "embedded")})
        text = client.post("/v1/audio/transcriptions", json={"file": "x"})
        two = [("file", ("a.wav", data)), ("file", ("b.wav", data))]
        twice = client.post("/v1/audio/transcriptions", files=two)
        empty = client.post("/v1/audio/transcriptions", files={"file": ("a.wav", b"")})
        noise = client.post("/v1/audio/transcriptions", files={"file": ("a.wav", BytesIO(b"abc"))})
    assert [each.status_code for each in (none, text, twice, empty, noise)] == [
        400,
        415,
        400,
        400,
        400,
    ]
    assert error(none)["param"] == "file"
    assert "a.wav" in error(noise)["message"]
    assert running.answers()


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=" + "x" * 300]
)
def test_a_form_that_cannot_be_read_is_refused(running, error, content_type):
    with running.client() as client:
        reply = client.post(
            "/v1/audio/transcriptions", content=b"--x\r\n", headers={"content-type": content_type}
        )
    assert reply.status_code == 400
    assert "form can't be read" in error(reply)["message"]
    assert running.answers()

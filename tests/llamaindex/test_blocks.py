"""AudioBlocks as people make them: what LlamaIndex thinks of their format changes nothing."""

import asyncio
import base64
import copy
import io
import pickle

import pytest
from llama_index.core.base.llms.types import CitableBlock, DocumentBlock, ImageBlock, VideoBlock
from llama_index.core.llms import AudioBlock, ChatMessage, TextBlock
from llama_index.llms.qwen_audio import QwenAudioLLM
from llama_index.llms.qwen_audio.blocks import ClipBlock
from llama_index.prompts.qwen_audio import AudioPromptTemplate

from qwen_audio_tools import Clip
from qwen_audio_tools.errors import (
    ClipMissing,
    ClipRefused,
    ClipUnreadable,
    ClipUnsupported,
)
from qwen_audio_tools.sources import SourcePolicy, agent
from qwen_audio_tools.testing import tone, write, write_video


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """A tone of 2 s in containers of which LlamaIndex knows the format, and in some it doesn't."""
    folder = tmp_path_factory.mktemp("kinds")
    for name in ("wav", "mp3", "flac", "m4a", "ogg", "opus", "webm", "aac", "mkv"):
        write(folder / f"tone.{name}", tone(seconds=2.0))
    return folder


def heard(writer, *blocks, **fields) -> tuple[Clip, ...]:
    """Return the clips that reach the engine, each decoded."""
    engine = writer("a tone")
    message = ChatMessage(blocks=[*blocks, TextBlock(text="what is heard?")])
    QwenAudioLLM(engine=engine, **fields).chat([message])
    (turns,) = engine.heard
    return turns[-1].clips


def seconds(clips) -> list[float]:
    return [round(len(clip.samples()) / 16_000, 1) for clip in clips]


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "m4a", "ogg", "opus", "webm", "aac", "mkv"])
def test_a_file_of_any_kind_is_heard_by_path_bytes_and_data_uri(writer, kinds, kind):
    path = kinds / f"tone.{kind}"
    data = path.read_bytes()
    uri = f"data:audio/{kind};base64,{base64.b64encode(data).decode()}"
    blocks = (
        AudioBlock(path=path),
        AudioBlock(audio=data),
        AudioBlock(audio=base64.b64encode(data)),
        AudioBlock(audio=io.BytesIO(data)),
        AudioBlock(url=uri),
        AudioBlock(url=f"file://{path}"),
    )
    for clip in heard(writer, *blocks):
        assert seconds([clip]) == [pytest.approx(2.0, abs=0.11)]


@pytest.mark.parametrize("claimed", ["mp3", "opus", "pcm16", "nonsense", None])
def test_a_wrong_format_is_not_believed(writer, kinds, claimed):
    data = (kinds / "tone.wav").read_bytes()
    assert seconds(heard(writer, AudioBlock(audio=data, format=claimed))) == [2.0]


def test_a_url_is_fetched_through_the_guards(writer, web):
    url = f"{web}/bell.wav?token=1&expires=2#t=1"
    own_network = SourcePolicy(allow_urls=True, allow_private=True)
    (clip,) = heard(writer, AudioBlock(url=url), policy=own_network)
    assert len(clip.samples()) > 16_000
    with pytest.raises(ClipRefused, match="https"):
        heard(writer, AudioBlock(url=url))  # plain http, and a machine of one's own network
    with pytest.raises(ClipRefused, match="not public"):
        heard(writer, AudioBlock(url=url.replace("http:", "https:")))
    with pytest.raises(ClipRefused, match="URLs are not opened here"):
        heard(writer, AudioBlock(url="https://example.com/a.mp3"), policy=agent([]))


def test_a_policy_keeps_paths_inside_its_folders(writer, kinds, audio):
    inside = agent([kinds])
    assert seconds(heard(writer, AudioBlock(path=kinds / "tone.wav"), policy=inside)) == [2.0]
    for block in (AudioBlock(path=audio / "bell.wav"), AudioBlock(url=f"file://{audio}/bell.wav")):
        with pytest.raises(ClipRefused, match="outside"):
            heard(writer, block, policy=inside)


def test_the_sound_of_a_video_is_heard_and_its_picture_is_said_to_be_left_out(
    writer, tmp_path_factory
):
    path = write_video(tmp_path_factory.mktemp("video") / "film.mp4", tone(seconds=2.0))
    for block in (VideoBlock(path=path), VideoBlock(video=path.read_bytes())):
        llm = QwenAudioLLM(engine=writer("a tone"))
        response = llm.chat([ChatMessage(blocks=[block, TextBlock(text="what is heard?")])])
        assert response.raw["warnings"] == ["of a video only its sound is heard"]
    assert seconds(heard(writer, AudioBlock(path=path))) == [pytest.approx(2.0, abs=0.1)]


def test_a_document_with_sound_is_sound(writer, kinds):
    block = DocumentBlock(path=kinds / "tone.mp3", document_mimetype="audio/mpeg")
    assert seconds(heard(writer, block)) == [pytest.approx(2.0, abs=0.11)]


def test_texts_to_cite_are_texts(writer):
    engine = writer("yes")
    block = CitableBlock(title="t", source="s", content=[TextBlock(text="tea is hot")])
    QwenAudioLLM(engine=engine).chat([ChatMessage(blocks=[block, TextBlock(text="is it?")])])
    assert engine.heard[0][0].text == "tea is hot\nis it?"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda _: AudioBlock(), ClipUnsupported, "neither bytes nor a path nor a url"),
        (lambda _: AudioBlock(audio=b""), ClipMissing, "no bytes"),
        (lambda _: AudioBlock(audio=b"this is no music\n" * 99), ClipUnreadable, "is text"),
        (lambda _: AudioBlock(url="data:audio/wav;base64,@@"), ClipUnreadable, "not base64"),
        (lambda _: AudioBlock(url="ftp://example.com/a.mp3"), ClipRefused, "ftp:"),
        (lambda folder: AudioBlock(path=folder / "text.wav"), ClipUnreadable, "is text"),
        (lambda folder: AudioBlock(path=folder / "empty.wav"), ClipMissing, "empty.wav"),
        (lambda folder: VideoBlock(path=folder / "silent.mp4"), ClipMissing, "silent.mp4"),
        (lambda _: ImageBlock(url="https://x/y.png"), ClipUnsupported, "neither text nor sound"),
    ],
)
def test_what_cannot_be_heard_is_an_error_and_never_an_answer(writer, tmp_path, make, error, words):
    (tmp_path / "text.wav").write_text("this is no music\n" * 99)
    (tmp_path / "empty.wav").write_bytes(b"")
    write_video(tmp_path / "silent.mp4", None)
    with pytest.raises(error, match=words):
        heard(writer, make(tmp_path))


def test_ten_clips_for_a_model_that_takes_one_are_refused_by_name(writer, kinds):
    refusal = ClipUnsupported("10 clips; this model takes one")
    blocks = [AudioBlock(path=kinds / "tone.wav")] * 10
    with pytest.raises(ClipUnsupported, match="takes one"):
        QwenAudioLLM(engine=writer(refusal)).chat([ChatMessage(blocks=blocks)])


def test_a_path_that_does_not_exist_is_an_error_where_it_is_written(tmp_path):
    with pytest.raises(ClipMissing, match="gone"):
        AudioPromptTemplate("{clip:audio}").format_messages(clip=tmp_path / "gone.wav")


def test_a_part_of_a_recording_keeps_its_times_and_degrades_to_its_sound(writer, audio):
    part = Clip(audio / "market.wav")[2.0:4.0]
    (message,) = AudioPromptTemplate("{clip:audio}").format_messages(clip=part)
    (block,) = message.blocks
    assert isinstance(block, ClipBlock)
    (clip,) = heard(writer, block)
    assert (clip.start, clip.end) == (2.0, 4.0)
    for copied in (
        copy.deepcopy(block),
        pickle.loads(pickle.dumps(block)),
        AudioBlock.model_validate_json(block.model_dump_json()),
    ):
        assert seconds(heard(writer, copied)) == [2.0]
    assert asyncio.run(block.aestimate_tokens()) == 51
    assert block.inline_url().startswith("data:audio/x-wav;base64,")

"""What a recording says of itself: title and chapters, in any container that holds them."""

import io
from fractions import Fraction

import av
import pytest

from qwen_audio_tools.archive.chapters import chapters_in
from qwen_audio_tools.archive.records import Chapter
from qwen_audio_tools.decoding.file_tags import FileTags, file_tags
from qwen_audio_tools.testing import tone, write


@pytest.mark.parametrize("kind", ["mp3", "m4a", "mkv"])
def test_title_and_chapters_are_read(tmp_path, kind):
    source = write(tmp_path / f"plain.{kind}", tone(440.0, 5.0))
    tagged = tmp_path / f"tagged.{kind}"
    with av.open(str(source)) as given, av.open(str(tagged), "w") as made:
        stream = given.streams.audio[0]
        copy = made.add_stream_from_template(stream)
        made.metadata["title"] = "Bridges"
        made.set_chapters(
            [
                {
                    "id": number,
                    "start": start,
                    "end": end,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": title},
                }
                for number, (start, end, title) in enumerate(
                    [(0, 2000, "One"), (2000, 5000, "Two")], start=1
                )
            ]
        )
        for packet in given.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                made.mux(packet)
    with tagged.open("rb") as file:
        found = file_tags(file, "tagged")
    assert found.title == "Bridges"
    assert found.chapters == ((0.0, "One"), (2.0, "Two"))
    assert chapters_in(tagged) == (Chapter(start=0.0, title="One"), Chapter(start=2.0, title="Two"))
    assert chapters_in(source) == ()


def test_what_is_no_recording_has_no_tags(tmp_path):
    assert file_tags(io.BytesIO(b"no sound" * 99), "x") == FileTags()
    assert chapters_in(tmp_path / "gone.mp3") == ()

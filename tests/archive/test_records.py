"""A record goes to JSON and comes back whole; another version is never misread."""

import json

import pytest

from qwen_audio_tools.answer import Coverage
from qwen_audio_tools.archive.records import (
    Chapter,
    Enclosure,
    Episode,
    EpisodeRecord,
    SoundEvent,
    SpokenPassage,
    State,
    TranscriptLink,
)
from qwen_audio_tools.spans import Span
from qwen_audio_tools.transcript import Segment


@pytest.fixture
def record() -> EpisodeRecord:
    episode = Episode(
        id="0123456789ab",
        show="The Show",
        title="On bells",
        enclosure=Enclosure(url="https://example.com/1.mp3", sha256="00", size=3),
        persons=("Ann",),
        chapters=(Chapter(start=0.0, title="Start"),),
        transcripts=(TranscriptLink(url="https://example.com/1.srt", media_type="text/srt"),),
    )
    return EpisodeRecord(
        episode=episode,
        state=State.HEARD,
        duration=60.0,
        segments=(Segment(start=0.5, end=2.0, text="It rings.", speaker="S1"),),
        sounds=(SoundEvent(start=3.0, end=4.0, name="Bell", score=0.9),),
        passages=(
            SpokenPassage(
                index=0,
                start=0.0,
                end=60.0,
                text="It rings.",
                sounds=("Bell",),
                voice={"pitch_hz": 120.0},
            ),
        ),
        coverage=Coverage.of((Span(0, 60),), Span(0, 60)),
        warnings=("stereo was mixed down to mono",),
    )


def test_a_record_survives_json(record):
    assert EpisodeRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_a_failure_keeps_what_was_known(record):
    again = record.failed("no network").failed("no network")
    assert (again.state, again.error, again.attempts) == (State.FAILED, "no network", 2)
    assert again.segments == record.segments


def test_a_newer_version_is_refused(record):
    with pytest.raises(ValueError, match="version 2"):
        EpisodeRecord.from_dict({**record.to_dict(), "version": 2})

"""A small archive for tests: known words and sounds, and audio in all kinds of places."""

from dataclasses import dataclass, replace
from pathlib import Path

from qwen_audio_tools.archive.archive import Archive, made
from qwen_audio_tools.archive.local_files import hashed
from qwen_audio_tools.archive.records import Chapter, Enclosure, EpisodeRecord, SoundEvent, State
from qwen_audio_tools.archive.shows import Kind, Show, made_id
from qwen_audio_tools.testing.made_alarms import church_bell
from qwen_audio_tools.testing.made_files import write
from qwen_audio_tools.testing.made_records import spoken_record, text_record
from qwen_audio_tools.testing.made_scenes import sequence
from qwen_audio_tools.testing.made_speech import RATE, speech

RATES = "The central bank raised interest rates by half a percent this morning."
GARDEN = "Tomatoes need six hours of sun and a lot of water in July."
RING = "And now listen to what happens at noon in the village."
TARIFFS = (
    "Welcome to the show, everybody.",
    "The president changed his mind about tariffs on steel.",
    "Goodbye, and thank you for listening.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeArchive:
    """The archive, and its episodes, each with its audio in another kind of place.

    `money` is a recording that was added and lies outside; `village`, in which a bell rings that no
    word tells of, was fetched; of `tariffs` the audio isn't here; `next_week` was not heard yet.
    """

    archive: Archive
    money: EpisodeRecord
    village: EpisodeRecord
    tariffs: EpisodeRecord
    next_week: EpisodeRecord


def made_archive(folder: Path) -> MadeArchive:
    """Make the archive in the folder `archive` of a folder, beside the recordings that it knows."""
    archive = made(folder / "archive")
    recordings = folder / "Made Radio"
    recordings.mkdir()
    radio = _show(archive, Kind.FOLDER, str(recordings), "Made Radio")
    economy = _show(archive, Kind.FEED, "https://example.com/feed.xml", "Economy Weekly")
    tariffs = text_record("Economy Weekly", "Tariffs", TARIFFS, speakers=("Ada",), language="en")
    soon = text_record("Economy Weekly", "Next week", (), published="2026-04-01")
    return MadeArchive(
        archive=archive,
        money=_kept(archive, _money(recordings), radio),
        village=_kept(archive, _village(archive), radio),
        tariffs=_kept(archive, tariffs, economy),
        next_week=_kept(archive, replace(soon, state=State.NEW, duration=None), economy),
    )


def _show(archive: Archive, kind: Kind, source: str, title: str) -> Show:
    show = Show(id=made_id(kind, source), kind=kind, source=source, title=title)
    archive.shows.put(show)
    return show


def _kept(archive: Archive, record: EpisodeRecord, show: Show) -> EpisodeRecord:
    return archive.ledger.put(replace(record, episode=replace(record.episode, feed=show.id)))


def _money(folder: Path) -> EpisodeRecord:
    samples, _ = sequence([speech(RATES), speech("Markets fell a little after that.")])
    path = write(folder / "On money.flac", samples)
    seconds = len(samples) / RATE
    record = spoken_record("On money", path, seconds, [(0.0, seconds, f"{RATES} Markets fell.")])
    enclosure = replace(record.episode.enclosure, sha256=hashed(path))
    episode = replace(record.episode, enclosure=enclosure, published="2026-02-03T04:05:06+00:00")
    return replace(record, episode=episode)


def _village(archive: Archive) -> EpisodeRecord:
    parts = [speech(GARDEN), speech(RING), church_bell(), speech("Lovely.")]
    samples, spans = sequence(parts)
    seconds, turn = len(samples) / RATE, spans[1].start
    inside = Path("audio") / "vi" / "village.flac"
    path = archive.folder / inside
    path.parent.mkdir(parents=True)
    write(path, samples)
    said = [(0.0, spans[0].end, GARDEN), (turn, seconds, f"{RING} Lovely.")]
    record = spoken_record("In the village", inside, seconds, said)
    address = "https://example.com/village.flac"
    enclosure = Enclosure(path=str(inside), url=address, sha256=hashed(path))
    chapters = (
        Chapter(start=0.0, title="The garden"),
        Chapter(start=turn, title="Noon"),
    )
    episode = replace(
        record.episode, enclosure=enclosure, chapters=chapters, published="2026-03-01"
    )
    garden, noon = record.passages
    passages = (
        replace(garden, chapter="The garden", speakers=("S1",)),
        replace(noon, chapter="Noon", speakers=("S1", "S2"), sounds=("Church bell", "Bell")),
    )
    rung = SoundEvent(start=spans[2].start, end=spans[2].end, name="Church bell", score=0.9)
    segments = tuple(replace(each, speaker="S1") for each in record.segments)
    return replace(record, episode=episode, segments=segments, passages=passages, sounds=(rung,))

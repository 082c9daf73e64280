"""Take an episode in: its audio, verified, and what its publisher offers beside it.

Afterwards all that listening needs lies on this machine.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from qwen_audio_tools.archive import chapters as chapter_files
from qwen_audio_tools.archive.archive import Archive
from qwen_audio_tools.archive.downloading import download, forget
from qwen_audio_tools.archive.fetching import Fetcher, reason
from qwen_audio_tools.archive.local_files import hashed
from qwen_audio_tools.archive.records import PUBLISHER, Chapter, Enclosure, EpisodeRecord, State
from qwen_audio_tools.archive.transcripts.reading import LARGEST, best_first, read_publishers
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.errors import ArchiveError, Cancelled, ClipMissing, QwenAudioError
from qwen_audio_tools.replacing import synced
from qwen_audio_tools.sources.connecting import short

_SURE = 0.1
"""By which share a feed may be wrong about the bytes of a file before that is told."""
_ENDINGS = {"mp4": "m4a", "matroska": "mka"}


def take(archive: Archive, record: EpisodeRecord, fetcher: Fetcher) -> EpisodeRecord:
    """Return the record with its audio here; not yet in the ledger. The caller holds its lock.

    It comes back HEARD if it was heard before and neither audio nor words are others now, and SAME
    if another episode has the same audio.

    Raises:
        ClipError, ArchiveError: the audio can't be had, or is none.
        OSError: there is no room.
    """
    before = record.episode.enclosure.sha256
    warnings: list[str] = []
    enclosure = _audio(archive, record, fetcher, warnings)
    record = _with(record, enclosure)
    owner = archive.ledger.claim(enclosure.sha256, record.episode.id)
    if owner != record.episode.id:
        _drop_own_copy(archive, record)
        return replace(
            _with(record, replace(enclosure, path="")),
            state=State.SAME,
            same_as=owner,
            error="",
            attempts=0,
        )
    record = _with_chapters(archive, record, fetcher, warnings)
    told = _with_words(archive, record, fetcher, warnings)
    was_heard = bool(record.engine) and before == enclosure.sha256
    done = was_heard and told.words == record.words and told.segments == record.segments
    return replace(
        told,
        state=State.HEARD if done else State.FETCHED,
        warnings=record.warnings if done else tuple(warnings),
        same_as="",
        error="",
        attempts=0,
    )


def _audio(
    archive: Archive, record: EpisodeRecord, fetcher: Fetcher, warnings: list[str]
) -> Enclosure:
    """Return the audio of an episode as it lies here: the first of its files that can be had."""
    episode = record.episode
    if episode.enclosure.path and (archive.folder / episode.enclosure.path).is_file():
        return _verified(archive, episode.enclosure)
    if not episode.enclosure.url:
        raise ClipMissing(
            f"{episode.enclosure.path or episode.title!r} is gone", hint="put it back, or add it"
        )
    first: QwenAudioError | None = None
    for enclosure in (episode.enclosure, *episode.alternates):
        try:
            found = _downloaded(archive, episode.id, enclosure, fetcher)
        except Cancelled:
            raise
        except QwenAudioError as error:
            first = first or error
            continue
        if first is not None:
            warnings.append(f"another file was taken, since {reason(first)}")
        warnings += _about_size(enclosure, found)
        return found
    assert first is not None
    raise first


def _verified(archive: Archive, enclosure: Enclosure) -> Enclosure:
    path = archive.folder / enclosure.path
    Clip(path).info  # noqa: B018 (what is no recording is refused here)
    sha256 = hashed(path)
    return replace(enclosure, sha256=sha256, size=path.stat().st_size)


def _downloaded(archive: Archive, id: str, enclosure: Enclosure, fetcher: Fetcher) -> Enclosure:
    folder = archive.folder / "audio" / id[:2]
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{id}.part"
    download(fetcher, enclosure.url, part)
    try:
        container = Clip(part, title=short(enclosure.url)).info.container
    except QwenAudioError:
        forget(part)  # whole, and no audio: to have it again would change nothing
        raise
    path = folder / f"{id}.{_ENDINGS.get(container, container)}"
    part.replace(path)
    synced(folder)
    for other in folder.glob(f"{id}.*"):  # of an earlier kind
        if other != path:
            other.unlink(missing_ok=True)
    kept = path.relative_to(archive.folder).as_posix()
    return replace(enclosure, path=kept, sha256=hashed(path), size=path.stat().st_size)


def _about_size(promised: Enclosure, found: Enclosure) -> Iterator[str]:
    size = found.size or 0
    if promised.size and abs(promised.size - size) > _SURE * promised.size:
        yield f"the feed says {promised.size:,} bytes of audio; {size:,} came"


def _drop_own_copy(archive: Archive, record: EpisodeRecord) -> None:
    enclosure = record.episode.enclosure
    if enclosure.url and enclosure.path:
        (archive.folder / enclosure.path).unlink(missing_ok=True)


def _with_chapters(
    archive: Archive, record: EpisodeRecord, fetcher: Fetcher, warnings: list[str]
) -> EpisodeRecord:
    """Return the record with chapters: those of its feed, of the publisher's file, of the audio."""
    found = record.episode.chapters
    url = record.episode.chapters_url
    if url:
        try:
            content = fetcher.read(url, most=chapter_files.LARGEST)
            found = chapter_files.read_chapters(content.data) or found
        except QwenAudioError as error:
            warnings.append(f"no chapters from {short(url)!r}: {reason(error)}")
    found = found or _chapters_in(archive.path_of(record))
    return replace(record, episode=replace(record.episode, chapters=found))


def _chapters_in(path: Path) -> tuple[Chapter, ...]:
    return chapter_files.chapters_in(path)


def _with_words(
    archive: Archive, record: EpisodeRecord, fetcher: Fetcher, warnings: list[str]
) -> EpisodeRecord:
    """Return the record with the words of its publisher, if there is a transcript with times."""
    for link in best_first(record.episode.transcripts):
        try:
            content = fetcher.read(link.url, most=LARGEST)
            if content.wait is not None:
                raise ArchiveError("the server asks to wait")
            segments, odd = read_publishers(content.data, link)
        except QwenAudioError as error:
            warnings.append(f"no transcript from {short(link.url)!r}: {reason(error)}")
            continue
        warnings += odd
        language = link.language or _language(archive, record)
        return replace(record, segments=segments, words=PUBLISHER, language=_plain(language))
    if record.words != PUBLISHER or record.episode.transcripts:
        return record  # what could be read once is not given up because it can't be now
    return replace(record, segments=(), words="", language=None)


def _language(archive: Archive, record: EpisodeRecord) -> str:
    show = archive.shows.get(record.episode.feed)
    return show.language if show else ""


def _plain(language: str) -> str | None:
    """Return "en" of "en-US", None of what is no code."""
    code = language.replace("_", "-").partition("-")[0].strip().lower()
    return code if code.isalpha() and 2 <= len(code) <= 3 else None


def _with(record: EpisodeRecord, enclosure: Enclosure) -> EpisodeRecord:
    return replace(record, episode=replace(record.episode, enclosure=enclosure))

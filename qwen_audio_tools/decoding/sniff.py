"""Tell a container by its first bytes, never by a name; knows nothing of what is inside.

Whatever is not in this table can't reach a decoder: playlists (HLS), concat scripts and protocol
strings are refused here, before a demuxer that would follow them is ever chosen.
"""

from dataclasses import dataclass
from typing import BinaryIO

from qwen_audio_tools.errors import ClipMissing, ClipUnreadable, ClipUnsupported

HEAD = 64 * 1024
"""Bytes that are looked at; cover art in front of mp3 data is jumped over first."""


@dataclass(frozen=True, slots=True)
class Container:
    """`name` for people, `demuxer` for PyAV, and whether soundfile should try first."""

    name: str
    demuxer: str
    soundfile: bool = False


WAV = Container("wav", "wav", soundfile=True)
AIFF = Container("aiff", "aiff", soundfile=True)
FLAC = Container("flac", "flac", soundfile=True)
MP3 = Container("mp3", "mp3", soundfile=True)
CAF = Container("caf", "caf", soundfile=True)
# libsndfile decodes Opus three times slower than libavcodec, and Vorbis as fast.
OGG_VORBIS = Container("ogg", "ogg", soundfile=True)
OGG = Container("ogg", "ogg")
MP4 = Container("mp4", "mov")
MATROSKA = Container("matroska", "matroska")
WEBM = Container("webm", "matroska")
AMR = Container("amr", "amr")
ADTS = Container("aac", "aac")

_REFUSED = (
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (wma, asf)"),
    (b"#EXTM3U", "an HLS playlist"),
    (b"ffconcat", "a concat script"),
    (b"MThd", "MIDI: notes, not sound"),
    (b"FLV\x01", "Flash video"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
)
_MP4_ATOMS = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip", b"pnot")
TAKEN = "wav, mp3, flac, ogg, opus, m4a, aac, mp4, mkv, webm, amr, aiff, caf"


def sniff(file: BinaryIO, name: str) -> Container:
    """Return the container of an open, seekable binary file; leaves the file at its start.

    Raises:
        ClipMissing: the file is empty.
        ClipUnsupported: a known kind of file that is not taken, such as a playlist.
        ClipUnreadable: nothing that is known.
    """
    file.seek(0)
    head = file.read(HEAD)
    if not head:
        raise ClipMissing(f"{name!r} is empty: 0 bytes", hint="record or export it again")
    found = _plain(head)
    if found is None:
        _refuse(head, name)
        found = _frames(_after_id3(file, head))
    file.seek(0)
    if found is None:
        what = "text" if _is_text(head) else "not a sound file that is known"
        raise ClipUnreadable(f"{name!r} is {what}; taken are {TAKEN}", hint=_convert())
    return found


def _plain(head: bytes) -> Container | None:
    start, kind, atom = head[:4], head[8:12], head[4:8]
    if start in (b"RIFF", b"RIFX", b"RF64", b"BW64") and kind == b"WAVE":
        return WAV
    if head[:8] == b"riff\x2e\x91\xcf\x11":
        return Container("w64", "w64", soundfile=True)
    if start == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return AIFF
    if start == b"OggS":
        return OGG_VORBIS if b"\x01vorbis" in head[:512] else OGG
    if start == b"\x1aE\xdf\xa3":
        return WEBM if b"webm" in head[:64] else MATROSKA
    if head[:5] == b"#!AMR":
        return AMR
    if atom in _MP4_ATOMS:
        return MP4
    return {b"fLaC": FLAC, b"caff": CAF}.get(start)


def _refuse(head: bytes, name: str) -> None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    known = next((what for magic, what in _REFUSED if text.startswith(magic)), None)
    if head[:4] == b"RIFF":
        known = f"RIFF {head[8:12].decode('ascii', 'replace').strip()!r}"
    if known:
        raise ClipUnsupported(f"{name!r} is {known}; taken are {TAKEN}", hint=_convert())


def _after_id3(file: BinaryIO, head: bytes) -> bytes:
    """Return HEAD bytes after all ID3v2 tags: cover art may be megabytes long."""
    at = 0
    while head[:3] == b"ID3" and len(head) >= 10:
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if head[5] & 0x10 else 0)
        file.seek(at)
        head = file.read(HEAD)
    return head


def _frames(head: bytes) -> Container | None:
    """Return what bare frames are these: a sync word counts when a second one follows it."""
    if head[:4] == b"fLaC":
        return FLAC
    at = head.find(b"\xff")
    while 0 <= at < len(head) - 8:
        for container, length in ((ADTS, _adts_length), (MP3, _mp3_length)):
            size = length(head[at : at + 8])
            after = head[at + size : at + size + 8]
            # A file of one frame ends where the second would begin.
            if size and (length(after) or (at == 0 and len(head) == size)):
                return container
        at = head.find(b"\xff", at + 1)
    return None


def _adts_length(header: bytes) -> int:
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    if header[2] >> 2 & 0xF > 12:
        return 0
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return size if size > 7 else 0


_KBPS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def _mp3_length(header: bytes) -> int:
    """Return the bytes of the MPEG audio frame with this header, or 0 (ISO 11172-3, 13818-3)."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate_index, kbps_index = header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or layer == 4 or rate_index == 3 or not 0 < kbps_index < 15:
        return 0
    first = version == 3
    kbps = _KBPS[(1, layer) if first else (2, min(layer, 2))][kbps_index - 1]
    rate = (44_100, 48_000, 32_000)[rate_index] // {3: 1, 2: 2, 0: 4}[version]
    padding = header[2] >> 1 & 1
    if layer == 1:
        return (12_000 * kbps // rate + padding) * 4
    slots = 144_000 if first or layer == 2 else 72_000
    return slots * kbps // rate + padding


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head[:4096].decode()
    except UnicodeDecodeError as error:
        return error.start > 4000
    return True


def _convert() -> str:
    return "if it holds sound, convert it: ffmpeg -i FILE out.wav"

"""How long a WAV header claims its sound to be: libsndfile quietly cuts the claim to the file."""

import struct
from typing import BinaryIO


def claimed_seconds(file: BinaryIO) -> float | None:
    """Return the seconds that the header of an open WAV file claims, or None where it can't say."""
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64", b"BW64"):
        return None
    bytes_per_second = wide_size = 0
    for _ in range(100):
        header = file.read(8)
        if len(header) < 8:
            return None
        name, size = header[:4], struct.unpack("<I", header[4:])[0]
        if name == b"data":
            claimed = wide_size if head[:4] != b"RIFF" else size
            known = claimed > 0 and bytes_per_second > 0 and not _unknown(head, claimed)
            return claimed / bytes_per_second if known else None
        body = file.read(min(size, 64))
        if name == b"fmt " and len(body) >= 12:
            bytes_per_second = struct.unpack("<I", body[8:12])[0]
        if name == b"ds64" and len(body) >= 16:
            wide_size = struct.unpack("<Q", body[8:16])[0]
        file.seek(size + size % 2 - len(body), 1)
    return None


def _unknown(head: bytes, size: int) -> bool:
    # Writers into a pipe leave nearly 2 or 4 GiB there (or 0): they could not know the length.
    if head[:4] != b"RIFF":
        return False
    return 0x7FFF_0000 <= size <= 0x7FFF_FFFF or size >= 0xFFFF_0000

"""Keep what can't be sought (stdin, a download) in a bounded temporary file."""

from collections.abc import Iterable
from typing import BinaryIO, cast

from qwen_audio_tools.decoding.limits import Limits

_IN_MEMORY = 8 * 2**20
_CHUNK = 2**20


def spool(chunks: Iterable[bytes], limits: Limits, name: str) -> BinaryIO:
    """Return the bytes as a file at its start; over 8 MiB it lies on the disk, without a name.

    Raises:
        ClipTooLong: more bytes than the limits allow.
    """
    import tempfile  # a clip that is a path needs none

    kept = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
    size = 0
    try:
        for chunk in chunks:
            size += len(chunk)
            limits.check_size(size, name)
            kept.write(chunk)
        kept.seek(0)
    except BaseException:
        kept.close()
        raise
    return kept


def chunks_of(stream: BinaryIO) -> Iterable[bytes]:
    """Yield what a binary stream still holds."""
    while chunk := stream.read(_CHUNK):
        yield chunk

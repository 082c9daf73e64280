"""What a request, and all of them together, may cost the server."""

from dataclasses import dataclass

MB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """The most that is taken. What crosses a limit is refused, and the next request is answered.

    Of one request: `body_bytes` of its body, `held_bytes` of all bodies at once; `clips` in it,
    `clip_bytes` of each, `audio_seconds` of all; `messages`, `text` letters in them, `values` and
    `depth` of its JSON; `receive_seconds` until its body is here, `deadline` seconds until its
    answer is.

    Of all together: `concurrency` is how many an engine works at, and `queue` how many wait;
    `batch` is how many an engine gets at once, and `gather` the seconds in which they gather while
    it has nothing else to do.
    """

    body_bytes: int = 128 * MB
    held_bytes: int = 1024 * MB
    clips: int = 16
    clip_bytes: int = 96 * MB
    audio_seconds: float = 4 * 3600.0
    messages: int = 256
    text: int = 1_000_000
    values: int = 100_000
    depth: int = 64
    receive_seconds: float = 60.0
    deadline: float = 600.0
    concurrency: int = 4
    queue: int = 128
    batch: int = 16
    gather: float = 0.005

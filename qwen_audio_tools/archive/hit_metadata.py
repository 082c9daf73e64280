"""A hit as frameworks keep it: an id that stays, a text, and flat values beside it."""

from qwen_audio_tools.archive.citing import playable
from qwen_audio_tools.archive.index.rows import Hit

Flat = str | int | float
_CLIP_DIGITS = 12
"""Of the SHA-256 of a recording's bytes: what a ClipStore that holds it calls it by."""


def id_of(hit: Hit) -> str:
    """Return what names a hit: the same episode and seconds, the same id."""
    return f"{hit.episode}:{round(hit.start * 1000)}-{round(hit.end * 1000)}"


def text_of(hit: Hit) -> str:
    """Return the words of a hit; where nobody speaks, which sounds are heard."""
    return hit.text or (f"Sounds: {', '.join(hit.sounds)}." if hit.sounds else "")


def metadata_of(hit: Hit) -> dict[str, Flat]:
    """Return what is known of a hit as texts and numbers; what is not known is left out.

    `start` and `end` are seconds of the recording, `source` is where it is, `link` plays the span,
    `sha256` is that of the recording's file, and `clip` the id that a ClipStore gives it.
    """
    known: dict[str, Flat] = {
        "source": hit.source,
        "link": playable(hit, hit.start, hit.end),
        "show": hit.show,
        "episode": hit.episode,
        "title": hit.title,
        "chapter": hit.chapter,
        "language": hit.language,
        "published": hit.published,
        "speakers": ", ".join(hit.speakers),
        "sounds": ", ".join(hit.sounds),
        "sha256": hit.sha256,
        "clip": hit.sha256[:_CLIP_DIGITS],
        "model": hit.model,
    }
    told = {name: value for name, value in known.items() if value}
    times = {"start": round(hit.start, 3), "end": round(hit.end, 3)}
    return {**times, **told, "score": hit.score}

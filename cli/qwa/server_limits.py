"""The limits of `qwa serve`, as `--limit NAME=N` gives them."""

from collections.abc import Sequence
from dataclasses import fields

from qwa.options import usage
from qwen_audio_tools.serving.http.limits import MB, ServerLimits

_OWN_OPTIONS = ("concurrency", "queue", "deadline")
_FRACTIONS = ("audio_seconds", "receive_seconds", "gather")
NAMES = tuple(
    field.name.replace("_bytes", "_mb")
    for field in fields(ServerLimits)
    if field.name not in _OWN_OPTIONS
)


def limits_of(
    words: Sequence[str], *, concurrency: int, queue: int, deadline: float
) -> ServerLimits:
    """Return the limits: those that are given, and the others as they are by default.

    Raises:
        UsageError: there is no limit of that name, or it is no number above 0.
    """
    given: dict[str, float] = {}
    for word in words:
        name, _, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if name not in NAMES:
            raise usage(f"no limit is called {name!r}; there are {', '.join(NAMES)}", EXAMPLE)
        if name in given:
            raise usage(f"--limit gives {name!r} twice", EXAMPLE)
        given[name] = _number(name, value.strip())
    values = {
        name.replace("_mb", "_bytes"): number * MB if name.endswith("_mb") else number
        for name, number in given.items()
    }
    if "body_mb" in given and "held_mb" not in given:
        values["held_bytes"] = max(1024, 2 * given["body_mb"]) * MB
    return ServerLimits(
        concurrency=concurrency,
        queue=queue,
        deadline=deadline,
        **values,  # type: ignore[arg-type]
    )


EXAMPLE = "--limit body_mb=64 --limit clips=4"


def _number(name: str, value: str) -> float:
    whole = name not in _FRACTIONS
    try:
        number = int(value) if whole else float(value)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        kind = "a whole number" if whole else "a number"
        raise usage(f"--limit {name} cannot be {value!r}: {kind} above 0 is needed", EXAMPLE)
    return number

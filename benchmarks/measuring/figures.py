"""A measured number with its 95 % bootstrap interval (Efron 1979, percentiles of resamples)."""

import random
import statistics
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

RESAMPLES = 2000

Unit = TypeVar("Unit")
Figure = dict[str, Any]
"""value, low, high, n, and the unit in which it is shown: share, ratio, s, ms, MB."""


def figure(
    units: Sequence[Unit], statistic: Callable[[Sequence[Unit]], float], unit: str
) -> Figure:
    """Return `statistic` of the units with its interval; what is resampled are the units."""
    if not units:
        return {"value": None, "low": None, "high": None, "n": 0, "unit": unit}
    chance = random.Random(0)
    found = sorted(
        statistic(chance.choices(units, k=len(units)))
        for _ in range(RESAMPLES if len(units) > 1 else 1)
    )
    low, high = found[int(0.025 * len(found))], found[max(0, int(0.975 * len(found)) - 1)]
    return {
        "value": statistic(units),
        "low": low if len(units) > 1 else None,
        "high": high if len(units) > 1 else None,
        "n": len(units),
        "unit": unit,
    }


def share(right: Sequence[bool]) -> Figure:
    """Return the share that is right."""
    return figure(right, statistics.fmean, "share")


def middle(values: Sequence[float], unit: str) -> Figure:
    """Return the median."""
    return figure(values, statistics.median, unit)


def rate(counts: Sequence[tuple[int, int]]) -> Figure:
    """Return errors over words of all the (errors, words) together, which may be above 1."""
    return figure(counts, _pooled, "share")


def _pooled(counts: Sequence[tuple[int, int]]) -> float:
    return sum(wrong for wrong, _ in counts) / max(1, sum(words for _, words in counts))


def difference(ours: Sequence[tuple[int, int]], theirs: Sequence[tuple[int, int]]) -> Figure:
    """Return our rate less theirs, on the same utterances, resampled together."""
    pairs = list(zip(ours, theirs, strict=True))
    return figure(
        pairs,
        lambda some: _pooled([mine for mine, _ in some]) - _pooled([other for _, other in some]),
        "points",
    )


def goal(found: float | None, wanted: float, *, at_most: bool = True) -> dict[str, Any]:
    """Return a goal and whether it was reached."""
    met = found is not None and (found <= wanted if at_most else found >= wanted)
    return {"goal": wanted, "at_most": at_most, "met": met}


def shown(value: Any) -> str:
    """Return a figure, a goal or a plain value as it stands in a table."""
    if not isinstance(value, dict):
        return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    if "goal" in value:
        sign = "≤" if value["at_most"] else "≥"
        return f"{sign} {value['goal']:g}: {'met' if value['met'] else '**missed**'}"
    if value["value"] is None:
        return "–"
    number = _NUMBER[value["unit"]]
    if value["low"] is None:
        return f"{number(value['value'])}{_SIGN[value['unit']]}"
    low, high = number(value["low"]), number(value["high"])
    return f"{number(value['value'])}{_SIGN[value['unit']]} [{low}, {high}]"


_SIGN = {"share": " %", "points": " points", "ratio": " ×", "s": " s", "ms": " ms", "MB": " MB"}
_NUMBER: dict[str, Callable[[float], str]] = {
    "share": lambda value: f"{100 * value:.1f}",
    "points": lambda value: f"{100 * value:+.1f}",
    "ratio": lambda value: f"{value:.2f}",
    "s": lambda value: f"{value:.2f}" if value < 100 else f"{value:.0f}",
    "ms": lambda value: f"{value:.1f}" if value < 100 else f"{value:.0f}",
    "MB": lambda value: f"{value:.0f}",
}

"""Answer and what it rests on: Evidence, Coverage, Usage. Pure values, JSON both ways."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from qwen_audio_tools.spans import Span, gaps, total_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that was heard.

    `kind` is what sort of thing: "speech", "sound", "voice", "speaker", "language", "emotion",
    "silence", "translation"; "near", for what was said near a question without answering it; or
    "heard", for a clip that a model took in as a whole. `start` and
    `end` are seconds of the recording, None where it concerns all of it. `score` is the model's
    own certainty, 0 to 1, None for a measurement. `measures` are the numbers of one, by names
    that end in the unit, such as "pitch_hz".
    """

    kind: str
    text: str
    start: float | None = None
    end: float | None = None
    score: float | None = None
    model: str = ""
    clip: str = ""
    measures: Mapping[str, float] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict, times rounded to milliseconds; `measures` where there are."""
        values = asdict(self) | {
            "start": _rounded(self.start, 3),
            "end": _rounded(self.end, 3),
            "score": _rounded(self.score, 4),
        }
        if not self.measures:
            del values["measures"]
        return values


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which seconds were heard: `heard` of `total` seconds; `gaps` are the spans left out."""

    heard: float
    total: float
    gaps: tuple[Span, ...] = ()

    @classmethod
    def of(cls, heard: tuple[Span, ...], whole: Span) -> "Coverage":
        """Build the coverage of `whole` from the spans that were heard."""
        missing = gaps(heard, whole)
        return cls(whole.seconds - total_seconds(missing), whole.seconds, missing)

    @property
    def complete(self) -> bool:
        """Whether every second was heard."""
        return not self.gaps

    def __add__(self, other: "Coverage") -> "Coverage":
        """Add the coverage of another clip; gaps keep the times of their own recording."""
        return Coverage(self.heard + other.heard, self.total + other.total, self.gaps + other.gaps)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict, seconds rounded to milliseconds."""
        return {
            "heard": round(self.heard, 3),
            "total": round(self.total, 3),
            "gaps": [[round(gap.start, 3), round(gap.end, 3)] for gap in self.gaps],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Coverage":
        """Rebuild a coverage from `to_dict`."""
        return cls(data["heard"], data["total"], tuple(Span(*gap) for gap in data["gaps"]))


@dataclass(frozen=True, slots=True)
class Usage:
    """What the answer cost: tokens where the engine counts them, and seconds of audio heard."""

    input_tokens: int = 0
    audio_tokens: int = 0
    output_tokens: int = 0
    seconds_heard: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        """Add the cost of another reply."""
        return Usage(
            self.input_tokens + other.input_tokens,
            self.audio_tokens + other.audio_tokens,
            self.output_tokens + other.output_tokens,
            self.seconds_heard + other.seconds_heard,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an engine said, and what it rests on.

    `engine` names the engine and model that answered; `task` the task(s) that the question was
    taken for, joined by "+"; `warnings` say what was down-mixed, truncated, skipped or unsure.
    `finish` is "length" where the text was cut, "stop" where it came to its end, "" if the engine
    doesn't say.
    """

    text: str
    evidence: tuple[Evidence, ...] = ()
    coverage: Coverage = Coverage(0.0, 0.0)
    usage: Usage = Usage()
    engine: str = ""
    warnings: tuple[str, ...] = ()
    task: str = ""
    finish: str = ""
    clip: str = ""
    question: str = ""

    def asked(self, *, clip: str, question: str) -> "Answer":
        """Return the same answer with the clip and question that it belongs to."""
        return replace(self, clip=clip, question=question)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form of an answer, as every front end shows it."""
        return {
            "clip": self.clip,
            "question": self.question,
            "text": self.text,
            "task": self.task,
            "evidence": [item.to_dict() for item in self.evidence],
            "coverage": self.coverage.to_dict(),
            "usage": asdict(self.usage) | {"seconds_heard": round(self.usage.seconds_heard, 3)},
            "engine": self.engine,
            "finish": self.finish,
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Answer":
        """Rebuild an answer from `to_dict`."""
        return cls(
            **{
                **data,
                "evidence": tuple(Evidence(**item) for item in data["evidence"]),
                "coverage": Coverage.from_dict(data["coverage"]),
                "usage": Usage(**data["usage"]),
                "warnings": tuple(data["warnings"]),
            }
        )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)

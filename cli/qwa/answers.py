"""What `qwa ask` and its short forms share: one request, its answers, and how they are shown."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qwa import batch, inputs, render
from qwa.hushing import hush
from qwa.manners import Manners, paint, write_line
from qwa.options import usage
from qwa.outputs import Outputs, write
from qwa.progress import Bar
from qwa.words import is_chinese
from qwen_audio_tools import settings as qwa_settings

if TYPE_CHECKING:
    from qwen_audio_tools.answer import Answer
    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.base import Engine, Options


WHOLE = inputs.Part()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How answers come out: `kind` is "text", "json" or "jsonl"."""

    kind: str = "text"
    outputs: Outputs | None = None

    @classmethod
    def of(cls, *, as_json: bool, jsonl: bool, out: str | None, skip: bool, force: bool) -> "Form":
        """Return the form that the options ask for.

        Raises:
            UsageError: they contradict each other.
        """
        if as_json and jsonl:
            raise usage("--json and --jsonl exclude each other")
        suffix = "json" if as_json or jsonl else "txt"
        kind = "json" if as_json else "jsonl" if jsonl else "text"
        return cls(kind=kind, outputs=outputs_of(out, suffix, skip=skip, force=force))


def outputs_of(out: str | None, suffix: str, *, skip: bool, force: bool) -> Outputs | None:
    """Return where files go, or None for stdout.

    Raises:
        UsageError: --skip-existing or --force has nothing to act on, or --out is no folder.
    """
    if skip and force:
        raise usage("--skip-existing and --force exclude each other")
    if out is None:
        if skip or force:
            raise usage(f"{'--skip-existing' if skip else '--force'} needs --out DIR")
        return None
    folder = Path(out).expanduser()
    if folder.exists() and not folder.is_dir():
        raise usage(f"--out {out!r} is a file; a folder is needed")
    return Outputs(folder=folder, suffix=suffix, skip_existing=skip, force=force)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question, or one task, about some sources."""

    files: tuple[str, ...]
    question: str = ""
    task: str | None = None
    part: inputs.Part = WHOLE
    engine: str | None = None
    spoken: str | None = None
    together: bool = False
    form: Form = field(default_factory=Form)


def answer(request: Request, manners: Manners) -> int:
    """Answer a request and return the exit code."""
    settings = qwa_settings.read(engine=request.engine, lang=manners.lang)
    hush(manners)
    sources = inputs.expand(request.files)
    desk = _Desk(request, manners, settings.engine, len(sources))
    lang = None if settings.lang == "auto" else settings.lang
    manners.lang = lang or ("zh" if is_chinese(request.question) else None)
    desk.lang = lang or (None if request.question else manners.language)
    if request.together:
        desk.deliver(" + ".join(sources), desk.ask([inputs.clip(s, request.part) for s in sources]))
        return 0
    todo = batch.pending(sources, request.form.outputs, manners)
    desk.name_outputs(sources)
    code = batch.each(
        todo, request.part, lambda clip: desk.ask([clip]), desk.deliver, (manners, desk.bar)
    )
    desk.close()
    return code


class _Desk:
    """Opens the engine once, when the first clip is there, and hands answers out."""

    def __init__(self, request: Request, manners: Manners, engine: str, count: int) -> None:
        self.bar = Bar(manners)
        self.lang: str | None = None
        self._request, self._manners = request, manners
        self._spec, self._count = engine, count
        self._engine: Engine | None = None
        self._paths: dict[str, Path] = {}
        self._kept: list[dict[str, object]] = []
        self._delivered = 0

    def name_outputs(self, sources: list[str]) -> None:
        outputs = self._request.form.outputs
        self._paths = outputs.paths(sources) if outputs else {}

    def ask(self, clips: "list[Clip]") -> "Answer":
        from qwen_audio_tools.asking import ask

        return ask(clips, self._request.question, engine=self._opened(), options=self._options())

    def deliver(self, source: str, answer: "Answer") -> None:
        self.bar.clear()
        form = self._request.form
        if path := self._paths.get(source):
            write(path, self._text(answer) + "\n")
            self._manners.tell(f"{self._manners.words('wrote')} {path}")
        elif form.kind == "json" and self._count > 1 and not self._request.together:
            self._kept.append(answer.to_dict())
        else:
            self._print(source, answer)
        self._delivered += 1
        self._beside(answer)

    def close(self) -> None:
        """Print what had to wait for the last clip."""
        if self._kept:
            write_line(sys.stdout, _json({"answers": self._kept}))

    def _print(self, source: str, answer: "Answer") -> None:
        several = self._count > 1 and not self._request.together
        if several and self._request.form.kind == "text":
            blank = "\n" if self._delivered else ""
            write_line(sys.stdout, blank + paint(render.heading(source), "1", sys.stdout))
        write_line(sys.stdout, self._text(answer))

    def _text(self, answer: "Answer") -> str:
        if self._request.form.kind == "json":
            return _json(answer.to_dict())
        if self._request.form.kind == "jsonl":
            return json.dumps(answer.to_dict(), ensure_ascii=False)
        return render.answer_text(answer, self._manners)

    def _beside(self, answer: "Answer") -> None:
        """Say on stderr what is no part of the answer: warnings, what was not heard, the engine."""
        words = self._manners.words
        for warning in answer.warnings:
            self._manners.tell(warning, kind="warning")
        if not answer.coverage.complete:
            heard = words("heard {heard} of {total}").format(
                heard=render.seconds_text(answer.coverage.heard),
                total=render.seconds_text(answer.coverage.total),
            )
            self._manners.tell(heard, kind="warning")
        if self._delivered == 1:
            self._manners.tell(f"{words('engine')}: {answer.engine}{self._why()}")

    def _why(self) -> str:
        from qwen_audio_tools.engines import choose

        return f" ({choose(self._spec).why}; see: qwa engines)" if self._spec == "auto" else ""

    def _opened(self) -> "Engine":
        if self._engine is None:
            from qwen_audio_tools.engines import open_engine

            self._engine = open_engine(self._spec)
        return self._engine

    def _options(self) -> "Options":
        from qwen_audio_tools.engines.base import Options

        return Options(
            task=self._request.task,
            language=self._request.spoken,
            lang=self.lang,
            progress=self.bar,
        )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)

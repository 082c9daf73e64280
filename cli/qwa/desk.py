"""The desk where clips are asked about: one engine for all of them, and answers handed out."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qwa import render
from qwa.manners import Manners, paint, printable, write_line
from qwa.outputs import write
from qwa.progress import Bar

if TYPE_CHECKING:
    from qwa.requested import Request
    from qwen_audio_tools.answer import Answer
    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.base import Engine, EngineInfo, Options
    from qwen_audio_tools.settings import Settings


class Desk:
    """Opens the engine that the settings name once, when the first clip is there."""

    def __init__(self, request: "Request", manners: Manners, settings: "Settings") -> None:
        self.bar = Bar(manners)
        self.lang: str | None = None
        self._request, self._manners = request, manners
        self._settings, self._several = settings, False
        self._engine: Engine | None = None
        self._paths: dict[str, Path] = {}
        self._kept: list[dict[str, object]] = []
        self._delivered = 0
        self._headed = self._streamed = False

    def expect(self, sources: list[str]) -> None:
        """Take note of all sources that will come, before the first is asked about."""
        self._several = len(sources) > 1
        outputs = self._request.form.outputs
        self._paths = outputs.paths(sources) if outputs else {}

    def ask(self, clips: "list[Clip]") -> "list[Answer]":
        """Return the answers to all questions about these clips; stream it where a person waits."""
        from qwen_audio_tools import asking

        engine, options = self._opened(), self._options()
        questions = self._request.questions
        if len(questions) > 1:
            return asking.ask_questions(clips, questions, engine=engine, options=options)
        question = questions[0] if questions else ""
        if not self._streams(engine.info):
            return [asking.ask(clips, question, engine=engine, options=options)]
        from qwa.streaming import shown
        from qwen_audio_tools.engines.base import join

        pieces = asking.ask_in_pieces(clips, question, engine=engine, options=options)
        self._head(" + ".join(str(clip.source) for clip in clips))
        self._streamed = True
        return [join(shown(pieces, self.bar), engine.info)]

    def deliver(self, source: str, answers: "list[Answer]") -> None:
        """Hand out the answers about one source, and say what is no part of them on stderr."""
        self.bar.clear()
        form = self._request.form
        if path := self._paths.get(source):
            write(path, self._text(answers) + "\n")
            self._manners.tell(f"{self._manners.words('wrote')} {path}")
        elif form.kind == "json" and self._several:
            self._kept += [answer.to_dict() for answer in answers]
        elif self._streamed:
            if lines := list(render.evidence_lines(answers[0].evidence, self._manners)):
                write_line(sys.stdout, "\n".join(["", *lines]))
        else:
            self._head(source)
            write_line(sys.stdout, self._text(answers))
        self._delivered += 1
        for answer in answers:
            self._beside(answer)
        if self._delivered == 1:
            self._manners.tell(f"{self._manners.words('engine')}: {answers[0].engine}{self._why()}")

    def close(self) -> None:
        """Print what had to wait for the last clip."""
        if self._kept:
            write_line(sys.stdout, _json({"answers": self._kept}))

    def _streams(self, info: "EngineInfo") -> bool:
        from qwen_audio_tools.tasks import Ability

        form = self._request.form
        if form.kind != "text" or form.outputs or not sys.stdout.isatty():
            return False
        return Ability.CHAT in info.abilities

    def _head(self, source: str) -> None:
        if not self._several or self._request.form.kind != "text":
            return
        self.bar.clear()
        blank = "\n" if self._headed else ""
        self._headed = True
        write_line(sys.stdout, blank + paint(render.heading(source), "1", sys.stdout))

    def _text(self, answers: "list[Answer]") -> str:
        kind, several = self._request.form.kind, len(answers) > 1
        if kind == "json":
            objects = [answer.to_dict() for answer in answers]
            return _json({"answers": objects} if several else objects[0])
        if kind == "jsonl":
            return "\n".join(json.dumps(each.to_dict(), ensure_ascii=False) for each in answers)
        texts = [render.answer_text(answer, self._manners) for answer in answers]
        if several:
            heads = [printable(f"# {' '.join(answer.question.split())}") for answer in answers]
            heads = [paint(head, "1", sys.stdout) for head in heads]
            texts = [f"{head}\n{text}" for head, text in zip(heads, texts, strict=True)]
        return "\n\n".join(texts)

    def _beside(self, answer: "Answer") -> None:
        for warning in answer.warnings:
            self._manners.tell(warning, kind="warning")
        if not answer.coverage.complete:
            heard = self._manners.words("heard {heard} of {total}").format(
                heard=render.seconds_text(answer.coverage.heard),
                total=render.seconds_text(answer.coverage.total),
            )
            self._manners.tell(heard, kind="warning")

    def _why(self) -> str:
        from qwen_audio_tools.engines import choose

        spec = self._settings.engine
        if spec != "auto":
            return ""
        return f" ({choose(spec, self._settings).why}; see: qwa engines)"

    def _opened(self) -> "Engine":
        if self._engine is None:
            self._engine = self._request.tuning.open(self._settings.engine, self._manners)
        return self._engine

    def _options(self) -> "Options":
        return self._request.tuning.options(
            task=self._request.task,
            language=self._request.spoken,
            lang=self.lang,
            progress=self.bar,
        )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)

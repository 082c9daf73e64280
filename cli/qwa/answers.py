"""What `qwa ask` and its short forms share: one request, its answers, and how they are shown."""

from dataclasses import dataclass, field
from pathlib import Path

from qwa import batch, inputs
from qwa.desk import Desk
from qwa.engine_options import Tuning
from qwa.hushing import hush
from qwa.manners import Manners
from qwa.options import usage
from qwa.outputs import Outputs
from qwa.words import is_chinese

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
    """Questions, or one task, about some sources."""

    files: tuple[str, ...]
    questions: tuple[str, ...] = ()
    task: str | None = None
    part: inputs.Part = WHOLE
    engine: str | None = None
    spoken: str | None = None
    together: bool = False
    form: Form = field(default_factory=Form)
    tuning: Tuning = field(default_factory=Tuning)


def answer(request: Request, manners: Manners) -> int:
    """Answer a request and return the exit code."""
    settings = request.tuning.read(engine=request.engine, lang=manners.lang)
    hush(manners)
    sources = inputs.expand(request.files)
    desk = Desk(request, manners, settings.engine)
    lang = None if settings.lang == "auto" else settings.lang
    manners.lang = lang or ("zh" if is_chinese(" ".join(request.questions)) else None)
    desk.lang = lang or (None if request.questions else manners.language)
    if request.together:
        desk.deliver(" + ".join(sources), desk.ask([inputs.clip(s, request.part) for s in sources]))
        return 0
    todo = batch.pending(sources, request.form.outputs, manners)
    desk.expect(sources)
    code = batch.each(
        todo, request.part, lambda clip: desk.ask([clip]), desk.deliver, (manners, desk.bar)
    )
    desk.close()
    return code

"""What a command line asks for: questions about sources, and the form of the answers."""

from dataclasses import dataclass, field
from pathlib import Path

from qwa import inputs
from qwa.engine_options import Tuning
from qwa.options import usage
from qwa.outputs import Outputs

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

"""The options that commands share, each declared once, so that they are the same everywhere."""

from enum import StrEnum
from typing import Annotated

import typer

from qwa.manners import Manners, write_line


class Language(StrEnum):
    """Languages of answers and of the interface."""

    EN = "en"
    ZH = "zh"


def manners_of(context: typer.Context) -> Manners:
    """Return the manners of this run."""
    return context.ensure_object(Manners)


def usage(message: str, example: str = "") -> Exception:
    """Return the error of a wrong command line; `example` is one that works."""
    error: Exception = typer.BadParameter.__mro__[1](message)
    error.example = example  # type: ignore[attr-defined]
    return error


def _quiet(context: typer.Context, value: bool) -> bool:
    manners_of(context).quiet |= value
    return value


def _verbose(context: typer.Context, value: bool) -> bool:
    manners_of(context).verbose |= value
    return value


def _lang(context: typer.Context, value: Language | None) -> Language | None:
    if value is not None:
        manners_of(context).lang = str(value)
    return value


def _version(value: bool) -> None:
    if value:
        import sys

        from qwen_audio_tools import __version__

        write_line(sys.stdout, f"qwa {__version__}")
        raise typer.Exit


FILES = Annotated[
    list[str], typer.Argument(metavar="FILE", help="Files, folders, globs; - is audio on stdin.")
]
TASK = Annotated[
    str | None, typer.Option("--task", "-t", metavar="NAME", help="What to do (see: qwa tasks).")
]
START = Annotated[
    str | None, typer.Option("--start", metavar="TIME", help="From here on: 90, 1:30 or 0:01:30.")
]
END = Annotated[str | None, typer.Option("--end", metavar="TIME", help="Up to here.")]
ENGINE = Annotated[
    str | None,
    typer.Option("--engine", "-e", metavar="NAME", help="Who answers (see: qwa engines)."),
]
SPOKEN = Annotated[
    str | None,
    typer.Option("--language", metavar="CODE", help="Language of the speech, if you know it."),
]
LANG = Annotated[
    Language | None,
    typer.Option("--lang", callback=_lang, is_eager=True, help="Language of the answer."),
]
JSON = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
JSONL = Annotated[bool, typer.Option("--jsonl", help="One JSON object a line, as each finishes.")]
OUT = Annotated[
    str | None,
    typer.Option("--out", "-o", metavar="DIR", help="Write one file for each clip into DIR."),
]
SKIP = Annotated[
    bool, typer.Option("--skip-existing", help="With --out: leave clips that have their file.")
]
FORCE = Annotated[bool, typer.Option("--force", help="With --out: write existing files anew.")]
QUIET = Annotated[
    bool,
    typer.Option("--quiet", "-q", callback=_quiet, is_eager=True, help="Nothing but answers."),
]
VERBOSE = Annotated[
    bool,
    typer.Option("--verbose", "-v", callback=_verbose, is_eager=True, help="Say more on stderr."),
]
VERSION = Annotated[
    bool,
    typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
]

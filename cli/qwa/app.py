"""The `qwa` program: wires the commands. Imports nothing until `main` can take an interrupt."""

import sys
from importlib import import_module
from os import environ

TYPE_CHECKING = False  # type checkers know the name; `typing` takes long enough to be interrupted
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from typer import Typer

    from qwa.manners import Manners


def main() -> "NoReturn":
    """Run the program on the command line and exit with the documented code."""
    # The sentence encoder's products are too small to share: on a busy machine the threads of
    # numpy's OpenBLAS fight over them, and a question takes forty times as long to understand.
    environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from qwa.exits import finish
        from qwa.interrupts import watch
        from qwa.manners import Manners

        manners = Manners()
        watch(manners)
        code = run(sys.argv[1:], manners)
    except KeyboardInterrupt:
        # Ctrl-C may arrive while the lines above are still being imported.
        leave()
    finish(code)


def run(arguments: "Sequence[str]", manners: "Manners") -> int:
    """Run one command line and return its exit code; only an interrupt comes out as an error."""
    from qwa.exits import report

    try:
        from typer.main import get_command

        command = get_command(build(arguments[0] if arguments else ""))
        code = command.main(
            args=list(arguments), prog_name="qwa", standalone_mode=False, obj=manners
        )
        sys.stdout.flush()
    except Exception as error:
        return report(error, manners)
    if code == 130:  # typer turns an interrupt into this code
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def leave() -> "NoReturn":
    """Exit with 130 at once, without a traceback, keeping what was printed."""
    from os import _exit

    try:
        sys.stdout.flush()
    finally:
        _exit(130)


# In the order of the help: the command, and where it lives.
COMMANDS = {
    "ask": "ask:ask",
    "chat": "chat:chat",
    "transcribe": "transcribe:transcribe",
    "describe": "short_forms:describe",
    "sounds": "short_forms:sounds",
    "emotion": "short_forms:emotion",
    "archive": "archiving.commands:app",
    "info": "info:info",
    "serve": "serve:serve",
    "mcp": "mcp:mcp",
    "engines": "engines:engines",
    "tasks": "tasks:tasks",
    "doctor": "doctor:doctor",
    "models": "models:app",
    "config": "config:app",
}


def build(wanted: str = "") -> "Typer":
    """Return the program with the command that is wanted, or with all if it is none of ours.

    To make a command from its function costs Typer milliseconds, and a second question has few.
    """
    import typer

    from qwa.options import VERSION

    app = typer.Typer(
        name="qwa",
        help="Ask questions of audio: what is said, how, by whom, and what else is heard.",
        epilog='Example: qwa ask clip.mp3 "what emotion?"',
        rich_markup_mode=None,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def qwa(version: VERSION = False) -> None:
        pass

    for name in [wanted] if wanted in COMMANDS else COMMANDS:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(f"qwa.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app

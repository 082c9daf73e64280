"""Errors to exit codes and to two lines on stderr: the one table that scripts can rely on.

0 ok · 1 unexpected · 2 usage · 3 input missing or unreadable · 4 unsupported, too long, over a
limit or no room to write · 5 engine unreachable or timed out · 6 engine refused or failed ·
7 part of a batch failed · 130 interrupted · 141 nobody reads the output any more.
"""

import contextlib
import errno
import os
import sys
from typing import NoReturn

from qwa.manners import Manners, Unread, paint, printable, write_line
from qwen_audio_tools import errors
from qwen_audio_tools.errors import QwenAudioError

UNEXPECTED, USAGE, INPUT, LIMIT, UNREACHABLE, ENGINE, PART = 1, 2, 3, 4, 5, 6, 7
INTERRUPTED, UNREAD = 130, 141


class OutputFailed(QwenAudioError):
    """An output can't be written: a full disk, a folder without permission."""


CODES: tuple[tuple[type[QwenAudioError], int], ...] = (  # the first that fits counts
    (errors.ClipMissing, INPUT),
    (errors.ClipUnreadable, INPUT),
    (errors.ClipUnsupported, LIMIT),
    (errors.ClipTooLong, LIMIT),
    (errors.ClipRefused, LIMIT),
    (errors.ClipError, INPUT),
    (errors.EngineUnreachable, UNREACHABLE),
    (errors.EngineUnsupported, LIMIT),
    (errors.Cancelled, INTERRUPTED),
    (errors.EngineError, ENGINE),
    (errors.SettingsError, USAGE),
    (OutputFailed, LIMIT),
    (errors.ArchiveError, INPUT),
    (errors.EvaluationError, INPUT),
)


HINTS: tuple[tuple[type[QwenAudioError], str], ...] = (  # where an error brings none of its own
    (errors.ClipRefused, "download it first, and name the file"),
    (errors.ClipError, "export it again, for instance as wav or mp3"),
    (errors.EngineError, "qwa doctor"),
    (errors.SettingsError, "qwa config show"),
    (QwenAudioError, "qwa --help"),
)


def code_of(error: QwenAudioError) -> int:
    """Return the exit code of an error."""
    return next((code for kind, code in CODES if isinstance(error, kind)), UNEXPECTED)


def batch_code(codes: list[int], total: int) -> int:
    """Return the exit code of a batch from the codes of its failures."""
    if not codes:
        return 0
    return codes[0] if len(codes) == total and len(set(codes)) == 1 else PART


def show(error: QwenAudioError, manners: Manners) -> int:
    """Write the error and its hint to stderr, and return its exit code."""
    general = next(hint for kind, hint in HINTS if isinstance(error, kind))
    _lines(str(error), error.hint or general, manners)
    return code_of(error)


def report(error: Exception, manners: Manners | None) -> int:
    """Write whatever ended a command to stderr in a person's words; return the exit code."""
    run = manners or Manners()
    if run.verbose and not _is_usage(error):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, QwenAudioError):
        return show(error, run)
    if _is_usage(error):
        return _usage(error, run)
    if isinstance(error, BrokenPipeError | Unread):
        silence_stdout()
        return UNREAD
    if type(error).__name__ == "Abort":
        return INTERRUPTED
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        silence_stdout()
        _lines(f"there is no room to write: {error.strerror}", "free some space, or use --out", run)
        return LIMIT
    if isinstance(error, MemoryError):
        _lines("there is not enough memory", "take a part of the clip: --start and --end", run)
        return LIMIT
    what = " ".join(str(error).split()) or "no message"
    _lines(f"unexpected {type(error).__name__}: {what}", "run it with -v for the traceback", run)
    return UNEXPECTED


def finish(code: int) -> NoReturn:
    """End the process with the code, at once: taking models apart would cost 0.3 s for nothing."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        silence_stdout()
        code = code or UNREAD
    except OSError as error:
        silence_stdout()
        code = code or report(error, None)
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def silence_stdout() -> None:
    """Send what is left in stdout's buffer nowhere, or Python complains about it at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _lines(message: str, hint: str, manners: Manners) -> None:
    label = paint(f"qwa: {manners.words('error')}:", "31", sys.stderr)
    write_line(sys.stderr, f"{label} {printable(' '.join(message.split()))}")
    if hint:
        write_line(sys.stderr, f"{manners.words('hint')}: {printable(' '.join(hint.split()))}")


def _is_usage(error: Exception) -> bool:
    # typer ships its own copy of click since 0.26; the class is found through what it exports.
    from typer import BadParameter

    return isinstance(error, BadParameter.__mro__[1])


def _usage(error: Exception, manners: Manners) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "qwa"
    if type(error).__name__ == "NoArgsIsHelpError":
        write_line(sys.stderr, str(error))
        return USAGE
    about = (context.command.help or "") if context is not None else ""
    shown = about.partition("Example: ")[2].strip()
    hint = getattr(error, "example", "") or shown or f"{path} --help"
    _lines(getattr(error, "format_message")(), hint, manners)  # noqa: B009
    return USAGE

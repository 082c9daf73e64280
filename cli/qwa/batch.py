"""One source or a thousand: each result is delivered when it is there; failures are counted."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from qwa import exits, inputs
from qwa.hushing import hush
from qwa.manners import Manners, Unread
from qwa.outputs import Outputs
from qwa.progress import Bar
from qwen_audio_tools.errors import Cancelled, QwenAudioError

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Clip

Result = TypeVar("Result")


def each(
    sources: Sequence[str],
    part: inputs.Part,
    work: "Callable[[Clip], Result]",
    deliver: Callable[[str, Result], None],
    tools: tuple[Manners, Bar],
) -> int:
    """Do `work` on the clip of each source and `deliver` its result; return the exit code.

    A source that fails is told about on stderr at once and does not stop the others.
    """
    manners, bar = tools
    hush(manners)
    failed: list[int] = []
    for source in sources:
        try:
            result = work(inputs.clip(source, part))
            bar.clear()
            deliver(source, result)
        except (Cancelled, exits.OutputFailed):
            raise  # the next clip would fail in the same way, after its work was done
        except QwenAudioError as error:
            bar.clear()
            failed.append(exits.show(_named(error, source, len(sources)), manners))
        except (OSError, Unread):
            raise  # stdout is full or gone
        except Exception as error:
            if len(sources) == 1:
                raise
            bar.clear()  # a bug of ours in one clip must not cost a night's work on the others
            failed.append(exits.report(error, manners))
        finally:
            bar.clear()
    return exits.batch_code(failed, len(sources))


def pending(sources: Sequence[str], outputs: Outputs | None, manners: Manners) -> list[str]:
    """Return the sources that have no file yet, or all where files are not kept."""
    if outputs is None:
        return list(sources)
    paths = outputs.paths(sources)
    if not outputs.skip_existing:
        return list(sources)
    for path in (path for path in paths.values() if path.exists()):
        manners.tell(f"{manners.words('kept')} {path}")
    return [source for source in sources if not paths[source].exists()]


def _named(error: QwenAudioError, source: str, count: int) -> QwenAudioError:
    """Return the error with the name of its source, where several could be meant."""
    if count == 1 or source in str(error):
        return error
    return type(error)(f"{source}: {error}", hint=error.hint)

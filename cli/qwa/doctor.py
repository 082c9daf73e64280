"""`qwa doctor`: what works here, what doesn't, and the command that mends it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qwa import options as o
from qwa.findings import FAILED, OK, WARNING, Finding

if TYPE_CHECKING:
    from qwa.progress import Bar
    from qwen_audio_tools.answer import Answer
    from qwen_audio_tools.engines.base import Engine
    from qwen_audio_tools.engines.transformers.loading.checkpoint import Checkpoint

SECONDS = 4.0
"""How long the clips of the hearing test are."""
QUICK = Annotated[
    bool,
    typer.Option("--quick", help="Test hearing on a tiny model, even if the weights are here."),
]


def doctor(
    context: typer.Context,
    as_json: o.JSON = False,
    quick: QUICK = False,
    lang: o.LANG = None,
    quiet: o.QUIET = False,
    verbose: o.VERBOSE = False,
) -> None:
    """Check what works here and how to mend it.

    Looks at versions, engines, weights, memory, folders and disk, then asks about made sounds.
    """
    import json

    from qwa.hushing import hush
    from qwa.manners import write_line
    from qwa.progress import Bar
    from qwa.render import table
    from qwen_audio_tools import settings as qwa_settings

    manners = o.manners_of(context)
    qwa_settings.read()
    hush(manners)
    bar = Bar(manners)
    findings = list(_findings(quick, bar))
    bar.clear()
    if as_json:
        value = [asdict(finding) for finding in findings]
        write_line(sys.stdout, json.dumps(value, ensure_ascii=False, indent=2))
    else:
        for line in table((f.name, manners.words(f.state), f.found) for f in findings):
            write_line(sys.stdout, line)
        for finding in findings:
            if finding.hint:
                manners.tell(f"{finding.name}: {finding.hint}", kind="hint")
    if any(finding.state == FAILED for finding in findings):
        raise typer.Exit(6)


def _findings(quick: bool, bar: "Bar") -> Iterator[Finding]:
    from qwa import large_model_looks, machine_looks

    for look in (
        machine_looks.versions,
        machine_looks.engines,
        machine_looks.servers,
        machine_looks.weights,
        machine_looks.folders,
        _self_test,
    ):
        yield from look()
    if large_model_looks.is_installed():
        yield from large_model_looks.version()
        yield from large_model_looks.weights()
        memory = list(large_model_looks.memory())
        yield from memory
        fits = all(finding.state == OK for finding in memory)
        here = None if quick or not fits else large_model_looks.checkpoint_here()
        yield from _hearing_test(here, bar)


def _self_test() -> Iterator[Finding]:
    """Ask which sounds are heard in a made clip of a smoke alarm; the truth is known."""
    from time import monotonic

    from qwen_audio_tools.engines.embedded import weights
    from qwen_audio_tools.errors import QwenAudioError

    if not weights.is_here("yamnet"):
        yield Finding(name="self-test", state=WARNING, found="not tried: the weights are not here")
        return
    started = monotonic()
    try:
        heard = _heard_in_an_alarm()
    except QwenAudioError as error:
        yield Finding(name="self-test", state=FAILED, found=str(error), hint=error.hint)
        return
    right = "alarm" in heard.lower()
    yield Finding(
        name="self-test",
        state=OK if right else FAILED,
        found=f"a made alarm was heard as: {heard or 'nothing'} ({monotonic() - started:.1f} s)",
        hint="" if right else "qwa models remove yamnet && qwa models pull yamnet",
    )


def _heard_in_an_alarm() -> str:
    from qwen_audio_tools.asking import ask
    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.base import Options
    from qwen_audio_tools.testing import RATE, smoke_alarm

    clip = Clip((smoke_alarm(), RATE))
    answer = ask(clip, engine="embedded", options=Options(task="sound_events", lang="en"))
    return ", ".join(dict.fromkeys(e.text for e in answer.evidence if e.kind == "sound"))


def _hearing_test(here: "Checkpoint | None", bar: "Bar") -> Iterator[Finding]:
    """Prove that the model hears: audio becomes tokens, and silence is answered otherwise.

    Without weights that fit, a tiny random model is asked: it proves the versions, no more.
    """
    from time import monotonic

    from qwen_audio_tools.errors import QwenAudioError

    started = monotonic()
    try:
        with _weights(here.folder if here else None) as folder:
            hears, what = _hearing(folder, bar)
    except QwenAudioError as error:
        yield Finding(name="hearing", state=FAILED, found=str(error), hint=error.hint)
        return
    who = here.family.model_type if here else "a tiny random model, which proves the versions only,"
    yield Finding(
        name="hearing",
        state=OK if hears else FAILED,
        found=f"{who} {what} ({monotonic() - started:.1f} s)",
        hint="" if hears else "pip install --upgrade 'qwen-audio-tools[transformers]'",
    )


@contextmanager
def _weights(here: Path | None) -> Iterator[Path]:
    """Give the folder of the weights here, or of a tiny one that is gone afterwards."""
    import io
    import tempfile
    from contextlib import redirect_stderr

    from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

    if here:
        yield here
        return
    with tempfile.TemporaryDirectory() as folder:
        with redirect_stderr(io.StringIO()):  # transformers draws a bar while it writes
            written = write_checkpoint(Path(folder) / "Tiny-Audio-Instruct")
        yield written


def _hearing(folder: Path, bar: "Bar") -> tuple[bool, str]:
    """Return whether the model hears, and what tells so."""
    import numpy as np

    from qwen_audio_tools.engines import open_engine
    from qwen_audio_tools.testing import RATE, smoke_alarm

    engine = open_engine(f"transformers:{folder}")
    length = round(SECONDS * RATE)
    alarm = np.resize(np.asarray(smoke_alarm(), np.float32), length)
    loud = _asked(engine, alarm, bar)
    silent = _asked(engine, np.zeros(length, np.float32), bar)
    tokens = loud.usage.audio_tokens
    if abs(tokens - SECONDS * engine.info.audio_tokens_per_second) > 1:
        return False, f"reads {tokens} audio tokens in {SECONDS:.0f} s"
    if loud.text == silent.text:
        return False, "answers the same to an alarm and to silence"
    return True, f"hears {tokens} audio tokens in {SECONDS:.0f} s, and silence as something else"


def _asked(engine: "Engine", samples: object, bar: "Bar") -> "Answer":
    from qwen_audio_tools.asking import ask
    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.base import Options
    from qwen_audio_tools.testing import RATE

    options = Options(max_tokens=16, temperature=0.0, progress=bar)
    return ask(Clip((samples, RATE)), "What do you hear?", engine=engine, options=options)

"""The options for engines, declared once: `@tunable` gives them to a command as one value."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from qwa.manners import Manners
from qwa.option_groups import Command, grouped
from qwa.options import usage

if TYPE_CHECKING:
    from qwen_audio_tools.engines.base import Engine, Options
    from qwen_audio_tools.settings import Settings


class Tuning(NamedTuple):
    """What the command line says of the engine: `settings` to open it, and how it is to write."""

    # No dataclass: to make one takes a millisecond, and a second question has few.
    settings: Mapping[str, object] = MappingProxyType({})
    writing: Mapping[str, Any] = MappingProxyType({})

    def read(self, **others: object) -> "Settings":
        """Return the settings of this run; `others` that are not None win.

        Raises:
            SettingsError: a name is unknown, or a value is impossible.
        """
        from qwen_audio_tools.settings import read

        given = {name: value for name, value in others.items() if value is not None}
        return read(**{**self.settings, **given})

    def open(self, spec: str, manners: Manners) -> "Engine":
        """Open the engine, and say which of these options mean nothing to it.

        Raises:
            SettingsError, EngineError: as `open_engine`.
        """
        from qwen_audio_tools.engines import open_engine

        engine = open_engine(spec, **self.settings)
        if self.writing:
            from qwen_audio_tools.addressing import unheeded

            if names := unheeded(engine.info, self.writing):
                flags = ", ".join(f"--{name.replace('_', '-')}" for name in names)
                manners.tell(f"{engine.info.label} knows no {flags}", kind="warning")
        return engine

    def options(self, **others: Any) -> "Options":
        """Return the Options of a question: those of the command line, and `others`."""
        from qwen_audio_tools.engines.base import Options

        return Options(**self.writing, **others)


# An option with a dash in its name has an underscore here; these are the names of the settings...
SETTINGS: dict[str, Any] = {
    "hub": Annotated[
        str | None,
        typer.Option("--hub", metavar="NAME", help="Models from huggingface or modelscope."),
    ],
    "device": Annotated[
        str | None, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps.")
    ],
    "dtype": Annotated[
        str | None,
        typer.Option("--dtype", metavar="NAME", help="auto, bfloat16, float16, float32."),
    ],
    "quantize": Annotated[
        str | None, typer.Option("--quantize", metavar="BITS", help="none, 8bit or 4bit.")
    ],
}
# ...and these are the names that `Options` has.
WRITING: dict[str, Any] = {
    "max_tokens": Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="The longest answer.")
    ],
    "temperature": Annotated[
        float | None, typer.Option("--temperature", min=0.0, help="0 takes the likeliest words.")
    ],
    "top_p": Annotated[
        float | None, typer.Option("--top-p", min=0.0, max=1.0, help="Of the likely words only.")
    ],
    "seed": Annotated[
        int | None, typer.Option("--seed", min=0, help="The same seed gives the same answer.")
    ],
    "stop": Annotated[
        list[str] | None, typer.Option("--stop", metavar="TEXT", help="End before this text.")
    ],
    "schema": Annotated[
        str | None,
        typer.Option("--schema", metavar="FILE", help="A JSON schema that the answer fits."),
    ],
}
ANY: dict[str, Any] = {
    "set_": Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any setting (see: qwa config show)."),
    ],
}
ADDED = {**SETTINGS, **ANY, **WRITING}


def tunable(command: Command) -> Command:
    """Give a command all of these options; it takes them as its argument `tuning`."""
    return grouped(command, "tuning", ADDED, tuning_of)


def tuning_of(given: Mapping[str, Any]) -> Tuning:
    """Return what the options say; those that were not given are not in it.

    Raises:
        UsageError: a setting without a value, or one that is given twice.
        SettingsError: the schema is none.
    """
    settings: dict[str, object] = {}
    for word in given["set_"] or ():
        name, equals, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise usage(f"--set cannot be {word!r}: a name, = and a value", "--set exact=true")
        if name in settings:
            raise usage(f"--set gives {name!r} twice")
        settings[name] = value
    for name in SETTINGS:
        if given[name] is not None:
            if name in settings:
                raise usage(f"--set and --{name} both give {name!r}")
            settings[name] = given[name]
    writing = {name: given[name] for name in WRITING if given[name] not in (None, [])}
    if "stop" in writing:
        writing["stop"] = tuple(filter(None, writing["stop"]))
    if "top_p" in writing and not writing["top_p"]:
        raise usage("--top-p cannot be 0: over 0, and at most 1; --temperature 0 is greedy")
    if "schema" in writing:
        from qwa.schemas import schema_of

        writing["schema"] = schema_of(writing["schema"])
    return Tuning(settings, writing)

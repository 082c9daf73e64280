"""The table of engine names, and `open_engine`. Listing engines imports none of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from qwen_audio_tools.errors import MissingExtra, SettingsError
from qwen_audio_tools.settings import read

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from qwen_audio_tools.engines.base import Engine
    from qwen_audio_tools.settings import Settings

GROUP = "qwen_audio_tools.engines"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """A row of the table: where an engine lives, which extra it needs, and what it is."""

    name: str
    home: str  # "module:function"; it takes the part after "name:" and the Settings
    extra: str
    modules: tuple[str, ...]  # what the extra installs, to tell early what is missing
    about: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules that are not installed."""
        return tuple(module for module in self.modules if find_spec(module) is None)


BUILTIN = {
    spec.name: spec
    for spec in (
        EngineSpec(
            name="embedded",
            home="qwen_audio_tools.engines.embedded.engine:open_embedded",
            extra="embedded",
            modules=("faster_whisper", "onnxruntime", "sentencepiece", "vaderSentiment"),
            about="small models on this machine's CPU: no GPU, no key, no network once fetched",
        ),
        EngineSpec(
            name="transformers",
            home="qwen_audio_tools.engines.transformers.engine:open_transformers",
            extra="transformers",
            modules=("torch", "transformers", "tokenizers", "huggingface_hub"),
            about="Qwen2-Audio and its siblings in this process, on a GPU or a large CPU",
        ),
        EngineSpec(
            name="server",
            home="qwen_audio_tools.engines.server.engine:open_server",
            extra="server",
            modules=("httpx2",),
            about="servers of OpenAI's protocol, one or a fleet: vLLM, SGLang, llama-server, …",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine that `auto` picked, and why."""

    spec: str
    why: str


def specs() -> Iterator[EngineSpec]:
    """Yield every engine there is: the built-in ones, then those of other distributions."""
    from importlib.metadata import entry_points  # 15 ms that few commands need

    yield from BUILTIN.values()
    for point in entry_points(group=GROUP):
        if point.name not in BUILTIN:
            yield _foreign(point)


def choose(spec: str = "auto", settings: "Settings | None" = None) -> Choice:
    """Resolve "auto": what the settings name, else a server of theirs that answers.

    Else a Qwen2-Audio that is here and fits in memory, and where there is none, the embedded
    engine. Any other name stands as it is. Imports no torch.
    """
    if spec != "auto":
        return Choice(spec, "named")
    settings = settings or read()
    if settings.engine != "auto":
        return Choice(settings.engine, f"named by {settings.origin('engine')}")
    if not settings.server_urls:
        return _local(settings)
    served, why = _served(settings)
    if served:
        return Choice(served, why)
    local = _local(settings)
    return Choice(local.spec, f"{why}; {local.why}")


def _served(settings: "Settings") -> tuple[str, str]:
    row = BUILTIN["server"]
    if row.missing:
        return "", f"for the servers of the settings: pip install 'qwen-audio-tools[{row.extra}]'"
    from qwen_audio_tools.engines.server.choosing import answering

    return answering(settings)


def _local(settings: "Settings") -> Choice:
    large = BUILTIN["transformers"]
    if large.missing:
        return Choice(
            "embedded", f"for Qwen2-Audio itself: pip install 'qwen-audio-tools[{large.extra}]'"
        )
    from qwen_audio_tools.engines.transformers.loading.local_choice import local_model

    model, why = local_model(settings)
    return Choice(f"transformers:{model}" if model else "embedded", why)


def open_engine(spec: str = "auto", **settings: object) -> "Engine":
    """Open an engine by "name", "name:model" or "server:model@url"; weights load when needed.

    `settings` override the file and the environment, by the names that `qwa config show` lists:
    `open_engine("transformers:Qwen/Qwen2-Audio-7B-Instruct", device="cuda", quantize="4bit")`.

    Raises:
        SettingsError: no engine has that name, or a setting is unknown or impossible.
        MissingExtra: packages of its extra are not installed.
    """
    values = read(**settings)
    name, _, rest = choose(spec, values).spec.partition(":")
    row = BUILTIN.get(name) or _found(name)
    if row.missing:
        raise MissingExtra(
            f"engine {name!r} needs packages that are not installed: {', '.join(row.missing)}",
            hint=f"pip install 'qwen-audio-tools[{row.extra}]'",
        )
    module, _, function = row.home.partition(":")
    engine: Engine = getattr(import_module(module), function)(rest, values)
    return engine


def _found(name: str) -> EngineSpec:
    # Entry points are scanned only here: it costs a tenth of a second where much is installed.
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP, name=name):
        return _foreign(point)
    raise SettingsError(
        f"no engine is called {name!r}; there are {', '.join(BUILTIN)} and 'auto'",
        hint="qwa engines",
    )


def _foreign(point: "EntryPoint") -> EngineSpec:
    owner = point.dist.name if point.dist else "another distribution"
    return EngineSpec(
        name=point.name, home=point.value, extra="", modules=(), about=f"from {owner}"
    )

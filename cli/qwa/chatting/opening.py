"""From a command line to a chat: the engine, the saved chat, the terminal; then it begins."""

from dataclasses import dataclass, field
from pathlib import Path

from qwa.chatting import saved_chats, terminal
from qwa.chatting.growing import Chat
from qwa.chatting.session import Session, Setup
from qwa.chatting.stopping import Interrupts
from qwa.engine_options import Tuning
from qwa.hushing import hush
from qwa.manners import Manners
from qwen_audio_tools.engines import choose
from qwen_audio_tools.engines.base import Engine
from qwen_audio_tools.errors import EngineUnsupported
from qwen_audio_tools.tasks import Ability

EXAMPLE = "transformers:Qwen/Qwen2-Audio-7B-Instruct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for."""

    files: tuple[str, ...] = ()
    engine: str | None = None
    system: str | None = None
    load: str | None = None
    as_json: bool = False
    tuning: Tuning = field(default_factory=Tuning)


def hold(wanted: Wanted, manners: Manners) -> int:
    """Hold a chat to its end and return the exit code.

    Raises:
        EngineUnsupported: the engine can't converse.
        QwenAudioError: the engine, the saved chat or the audio can't be opened.
    """
    settings = wanted.tuning.read(engine=wanted.engine, lang=manners.lang)
    hush(manners)
    spec = settings.engine
    engine = _opened(spec, wanted.tuning, manners)
    chat = saved_chats.load(Path(wanted.load).expanduser()) if wanted.load else Chat()
    chat.system = chat.system if wanted.system is None else wanted.system
    person = terminal.is_person()
    setup = Setup(
        engine=engine,
        options=wanted.tuning.options(lang=None if settings.lang == "auto" else settings.lang),
        manners=manners,
        person=person,
        as_json=wanted.as_json,
    )
    why = f" ({choose(spec, settings).why}; see: qwa engines)" if spec == "auto" else ""
    manners.tell(f"{manners.words('engine')}: {engine.info.label}{why}")
    with Interrupts(person=person) as interrupts:
        session = Session(setup, chat, interrupts)
        session.attach(wanted.files)
        if not person:
            return session.run(terminal.piped)
        manners.tell(manners.words("/help lists the commands; Ctrl-D leaves"))
        return session.run(terminal.History())


def _opened(spec: str, tuning: Tuning, manners: Manners) -> Engine:
    engine = tuning.open(spec, manners)
    if Ability.CHAT not in engine.info.abilities:
        raise EngineUnsupported(
            f"engine {engine.info.name!r} holds no chat: it answers single questions (qwa ask); "
            "engine 'transformers' does, with models such as Qwen2-Audio-7B-Instruct",
            hint=f"qwa chat --engine {EXAMPLE}",
        )
    return engine

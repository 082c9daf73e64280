"""`qwa engines`: who can answer here, and what is missing for those who can't."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from qwa import options as o

if TYPE_CHECKING:
    from qwa.manners import Manners
    from qwen_audio_tools.engines.server.engine import ServerState


def engines(
    context: typer.Context, as_json: o.JSON = False, lang: o.LANG = None, quiet: o.QUIET = False
) -> None:
    """List who can answer, and who does.

    The star marks the engine that answers when none is named; stderr says why.
    """
    import json

    from qwa.machine_looks import server_states
    from qwa.manners import write_line
    from qwa.render import table
    from qwen_audio_tools.engines import choose, specs
    from qwen_audio_tools.settings import read

    manners = o.manners_of(context)
    settings = read()
    setting = settings.engine
    choice = choose(setting, settings)
    found = list(specs())
    servers = server_states(settings)
    if as_json:
        listed = [
            {
                "name": spec.name,
                "ready": not spec.missing,
                "missing": list(spec.missing),
                "install": _install(spec.extra),
                "about": spec.about,
            }
            for spec in found
        ]
        chosen = {"engine": choice.spec, "why": choice.why, "setting": setting}
        value = {"chosen": chosen, "engines": listed, "servers": list(map(asdict, servers))}
        write_line(sys.stdout, json.dumps(value, ensure_ascii=False, indent=2))
        return
    rows = []
    for spec in found:
        mark = "*" if spec.name == choice.spec.partition(":")[0] else " "
        state = manners.words("missing" if spec.missing else "ready")
        rows.append((mark + " " + spec.name, state, spec.about))
        if spec.name == "server":
            rows += [(f"  {each.address}", _state(each, manners), each.told) for each in servers]
    for line in table(rows):
        write_line(sys.stdout, line)
    for spec in found:
        if spec.missing:
            manners.tell(f"{spec.name}: {_install(spec.extra)}")
    manners.tell(f"* {choice.spec}: {choice.why}")


def _state(server: "ServerState", manners: "Manners") -> str:
    return manners.words("ready" if server.ready else "down")


def _install(extra: str) -> str:
    return f"pip install 'qwen-audio-tools[{extra}]'" if extra else ""

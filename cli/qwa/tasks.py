"""`qwa tasks`: what can be asked by name."""

import sys

import typer

from qwa import options as o


def tasks(
    context: typer.Context, as_json: o.JSON = False, lang: o.LANG = None, quiet: o.QUIET = False
) -> None:
    """List what --task takes.

    Several are joined by a plus sign: --task transcribe+speakers.
    """
    import json

    from qwa.manners import write_line
    from qwa.render import table
    from qwen_audio_tools.tasks import TASKS

    if as_json:
        listed = [
            {"name": task.name, "about": task.about, "needs": sorted(task.needs)}
            for task in TASKS.values()
        ]
        write_line(sys.stdout, json.dumps(listed, ensure_ascii=False, indent=2))
        return
    for line in table((task.name, task.about) for task in TASKS.values()):
        write_line(sys.stdout, line)

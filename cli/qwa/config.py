"""`qwa config show`: the settings that hold now, and where each value came from."""

import sys
from pathlib import Path

import typer

from qwa import options as o
from qwen_audio_tools.setting_kinds import without_password

app = typer.Typer(help="Show the settings.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def config() -> None:
    """Show the settings: file, then environment, then arguments."""


@app.command()
def show(
    context: typer.Context, as_json: o.JSON = False, lang: o.LANG = None, quiet: o.QUIET = False
) -> None:
    """Show each setting, and where it came from."""
    import json

    from qwa.manners import write_line
    from qwa.render import table
    from qwen_audio_tools.folders import cache_folder, config_folder, data_folder
    from qwen_audio_tools.settings import TABLE, read, settings_file

    manners = o.manners_of(context)
    settings = read(lang=manners.lang)
    values = {name: _shown(getattr(settings, name)) for name in TABLE}
    places = {
        "settings file": str(settings_file()),
        "cache": str(cache_folder()),
        "config": str(config_folder()),
        "data": str(data_folder()),
    }
    if as_json:
        listed = {
            name: {"value": value, "from": settings.origin(name), "variable": TABLE[name].variable}
            for name, value in values.items()
        }
        value = {"settings": listed, "folders": places}
        write_line(sys.stdout, json.dumps(value, ensure_ascii=False, indent=2))
        return
    rows = [
        (name, _plain(value), manners.words(settings.origin(name)), TABLE[name].variable)
        for name, value in values.items()
    ]
    for line in table(rows):
        write_line(sys.stdout, line)
    write_line(sys.stdout, "")
    for line in table(places.items()):
        write_line(sys.stdout, line)


def _shown(value: object) -> object:
    if isinstance(value, tuple):
        return [without_password(str(part)) for part in value]
    return str(value or "") if value is None or isinstance(value, Path) else value


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

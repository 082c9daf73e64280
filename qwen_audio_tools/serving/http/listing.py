"""GET /v1/models, /v1/models/{id}, /health and /metrics."""

from typing import Any

from qwen_audio_tools.serving.http import meters
from qwen_audio_tools.serving.http.exchange import Exchange
from qwen_audio_tools.serving.http.queueing.desk import Desk, Served
from qwen_audio_tools.serving.http.telling import encoded


async def models(exchange: Exchange, desk: Desk) -> None:
    """List the models, each once, with what it can do."""
    listed = [_model(each.name, each, desk) for each in desk.served]
    await exchange.reply(encoded({"object": "list", "data": listed}))


async def model(exchange: Exchange, desk: Desk) -> None:
    """Tell of one model, by any of its names."""
    found = desk.find(exchange.argument)
    await exchange.reply(encoded(_model(exchange.argument, found, desk)))


async def live(exchange: Exchange, desk: Desk) -> None:
    """Say that the process lives; a supervisor that hears nothing starts it anew."""
    await exchange.reply(encoded({"status": "live"}))


async def ready(exchange: Exchange, desk: Desk) -> None:
    """Say whether requests are welcome: 503 while models load, and while the server stops."""
    welcome = desk.ready and not desk.closing
    status = "closing" if desk.closing else "ready" if desk.ready else "loading"
    told = {
        "status": status,
        "engines": [each.name for each in desk.served],
        "running": desk.running,
        "waiting": desk.waiting,
    }
    headers = {} if welcome else {"retry-after": "5"}
    await exchange.reply(encoded(told), status=200 if welcome else 503, headers=headers)


async def metrics(exchange: Exchange, desk: Desk) -> None:
    """Tell what was counted, for Prometheus."""
    await exchange.reply(desk.meters.text(), media=meters.MEDIA)


def _model(name: str, served: Served, desk: Desk) -> dict[str, Any]:
    info = served.engine.info
    window = None if info.window == float("inf") else info.window
    return {
        "id": name,
        "object": "model",
        "created": served.created,
        "owned_by": "qwen-audio-tools",
        "aliases": [each for each, of in desk.names.items() if of is served and each != name],
        "qwa": {
            "engine": info.label,
            "abilities": sorted(info.abilities),
            "window_seconds": window,
            "audio_tokens_per_second": info.audio_tokens_per_second,
        },
    }

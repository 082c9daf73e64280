"""What a server tells of itself: which models it has, how it is spoken to, how much it hears."""

import asyncio
import socket
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import inf
from typing import Any

from qwen_audio_tools.engines.families import FAMILIES, Family, abilities, is_base, named
from qwen_audio_tools.engines.server.client import Client
from qwen_audio_tools.engines.server.dialects import PLAIN, Dialect, hosting, spoken_by
from qwen_audio_tools.engines.server.faults import Fault, Where, mute, unreadable
from qwen_audio_tools.errors import EngineRefused
from qwen_audio_tools.sources.connecting import is_public
from qwen_audio_tools.tasks import Ability

UNKNOWN_WINDOW = 30.0
"""Seconds. What no model cuts: where nothing is known, nothing longer is sent."""
_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of servers: `model` "" is the one that they have, `dialect` None their own."""

    model: str
    dialect: Dialect | None
    prompting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a model on a server. `hears` is None until a reply has proved it.

    `rate` is how many tokens a second of audio takes, 0 if it isn't known; `measured` what it took
    once, which is no proof for another clip. `context` is how many tokens it reads, None if nobody
    said.
    """

    model: str
    dialect: Dialect
    family: Family | None
    abilities: frozenset[Ability]
    base: bool
    window: float
    rate: float = 0.0
    measured: float = 0.0
    context: int | None = None
    hears: bool | None = None
    remembers: bool = False


def guessed(wanted: Wanted, host: str) -> Facts:
    """Return what can be said before a server was asked: by names alone."""
    dialect = wanted.dialect or hosting(host) or PLAIN
    return _facts(wanted, dialect, wanted.model, ())


async def learn(client: Client, wanted: Wanted, seconds: float) -> Facts:
    """Ask a server which models it has, and what it is.

    Raises:
        Fault: it doesn't answer in that time, has no such model, or must not be sent the key.
    """
    where = Where(client.address.shown, wanted.model)
    try:
        with client.faults(where):
            async with asyncio.timeout(seconds):
                await _check_key(client, where)
                return await _learnt(client, wanted, where)
    except TimeoutError:
        raise mute(where, seconds) from None


async def _learnt(client: Client, wanted: Wanted, where: Where) -> Facts:
    try:
        listing = await client.get("models", where)
    except Fault as fault:
        if fault.status not in (404, 405) or not wanted.model:
            raise
        return guessed(wanted, client.address.host)  # it lists none: taken at our word
    return await _completed(client, _entry(listing, wanted, where), wanted, where)


async def _check_key(client: Client, where: Where) -> None:
    """Refuse to send a key in the clear to the world outside.

    Raises:
        Fault: the address is public and not https, or has no number.
    """
    address = client.address
    if address.secure or not client.has_key:
        return
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError):
        return  # nothing can be sent there; connecting tells why
    for entry in found:
        if is_public(str(entry[4][0])):
            error = EngineRefused(
                f"the key is not sent to {where} in the clear: {entry[4][0]} is a public address",
                hint="https://, or a tunnel to an address of your own network",
            )
            raise Fault(error, elsewhere=True)


def _entry(listing: Any, wanted: Wanted, where: Where) -> Mapping[str, Any]:
    """Return what the server lists of the model that is wanted."""
    entries = listing.get("data") if isinstance(listing, Mapping) else None
    if not isinstance(entries, list):
        raise unreadable(where, "lists no models")
    models = {
        str(entry["id"]): entry
        for entry in entries
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), str)
    }
    if not wanted.model:
        return _only(models, where)
    for entry in models.values():
        if wanted.model in (entry["id"], entry.get("root"), *_aliases(entry)):
            return entry
    near = get_close_matches(wanted.model, models, n=1)
    error = EngineRefused(
        f"{where.shown} has no model {wanted.model!r}; it has {_named(models)}",
        hint=f"--engine server:{near[0] if near else next(iter(models), 'MODEL')}@{where.shown}/v1",
    )
    raise Fault(error, elsewhere=True)


def _only(models: Mapping[str, Mapping[str, Any]], where: Where) -> Mapping[str, Any]:
    whole = [entry for entry in models.values() if not entry.get("parent")]  # no LoRA adapters
    known = [entry for entry in whole if named(str(entry["id"]))]
    for some in (whole, known):
        if len(some) == 1:
            return some[0]
    error = EngineRefused(
        f"{where.shown} has {_named(models)}: which one answers?",
        hint=f"--engine server:MODEL@{where.shown}/v1, or set server_model",
    )
    raise Fault(error, elsewhere=True)


def _aliases(entry: Mapping[str, Any]) -> tuple[str, ...]:
    found = entry.get("aliases")
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _named(models: Mapping[str, object]) -> str:
    names = list(models)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(map(repr, names[:_SHOWN])) or "none") + more


async def _completed(
    client: Client, entry: Mapping[str, Any], wanted: Wanted, where: Where
) -> Facts:
    owner = str(entry.get("owned_by") or "")
    dialect = wanted.dialect or hosting(client.address.host) or spoken_by(owner, entry)
    meta = entry.get("meta")
    context = entry.get("max_model_len") or (meta.get("n_ctx") if isinstance(meta, Mapping) else 0)
    facts = _facts(wanted, dialect, str(entry["id"]), (str(entry.get("root") or ""),))
    facts = _of_ours(facts, entry) if dialect.ours else _within(facts, context)
    if "audio" not in _modalities(entry):
        facts = _deaf(facts)
    with suppress(Fault):  # what is asked beside is welcome, and not needed
        if dialect.remembers:
            told = await client.get("/version", where)
            return replace(facts, remembers=_version(told) >= dialect.remembers)
        if dialect.name == "llamacpp":
            return _of_props(facts, await client.get("/props", where))
    return facts


def _facts(wanted: Wanted, dialect: Dialect, model: str, others: tuple[str, ...]) -> Facts:
    names = [name for name in (model, *others) if name]
    family = next((family for name in names if (family := named(name))), None)
    base = any(map(is_base, names)) if wanted.prompting == "auto" else wanted.prompting == "base"
    base = base and family in (None, FAMILIES["qwen2_audio"])
    window = family.window if family else UNKNOWN_WINDOW
    return Facts(
        model=model,
        dialect=dialect,
        family=family,
        abilities=abilities(family, base=base),
        base=base,
        window=min(window, dialect.window),
        rate=family.tokens_per_second if family else 0.0,
    )


def _deaf(facts: Facts) -> Facts:
    return replace(facts, hears=False, abilities=frozenset({Ability.CHAT}))


def _of_ours(facts: Facts, entry: Mapping[str, Any]) -> Facts:
    """Return what `qwa serve` tells of its engine: all that an engine knows of itself."""
    told = entry.get("qwa")
    if not isinstance(told, Mapping):
        return facts
    window, rate = told.get("window_seconds", facts.window), told.get("audio_tokens_per_second")
    known, listed = {str(ability) for ability in Ability}, told.get("abilities")
    names = known & set(map(str, listed)) if isinstance(listed, list) else set()
    most = float(window) if isinstance(window, int | float) and window > 0 else inf
    return replace(
        facts,
        family=None,  # the server sees to what is special about it
        abilities=frozenset(map(Ability, names)) or facts.abilities,
        base=False,
        window=min(most, facts.dialect.window),
        rate=float(rate) if isinstance(rate, int | float) and rate >= 0 else 0.0,
    )


def _within(facts: Facts, context: Any) -> Facts:
    """Return the facts with the context, and no window that would leave no room in it."""
    if not isinstance(context, int) or isinstance(context, bool) or context < 1:
        return facts
    rate = facts.rate or FAMILIES["qwen2_audio"].tokens_per_second
    room = max(1.0, (context - min(1024, context // 2)) // rate)
    return replace(facts, context=context, window=min(facts.window, room))


def _modalities(entry: Mapping[str, Any]) -> Collection[str]:
    """Return what a model takes in, where the server tells; llama-server and OpenRouter do."""
    told = entry.get("architecture")
    found = told.get("input_modalities") if isinstance(told, Mapping) else None
    return list(map(str, found)) if isinstance(found, list) else ("audio",)


def _of_props(facts: Facts, props: Any) -> Facts:
    told = props if isinstance(props, Mapping) else {}
    kinds, settings = told.get("modalities"), told.get("default_generation_settings")
    if isinstance(kinds, Mapping) and kinds.get("audio") is False:
        facts = _deaf(facts)
    return _within(facts, settings.get("n_ctx")) if isinstance(settings, Mapping) else facts


def _version(told: Any) -> tuple[int, int]:
    text = str(told.get("version", "")) if isinstance(told, Mapping) else ""
    numbers = [int(part) for part in text.split(".")[:2] if part.isdecimal()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)

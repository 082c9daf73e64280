"""The one table of how servers differ: what each takes, tells, and must not be sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from qwen_audio_tools.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A row: one kind of server.

    It is known by what it writes into "owned_by" of its models (`owners`), or by its `hosts`.

    `window` is the longest clip in seconds that it takes, whatever the model. `prefix` stands
    before the base64 of a clip. `limit` is the field for the longest answer, `fields` are sent
    with every request. `counts` asks for token counts at the end of a stream, `counts_early` for
    those of the prompt with its first piece. `schema` is whether it holds answers to a JSON
    schema, `stops` whether it ends them at stop texts. `pads` are the seconds that it fills up any
    clip to, 0 if it doesn't. `remembers` is the first version that knows a clip again by a name
    that we give it. `marks` is whether it reads control tokens in the texts of users.
    `key_variable` holds the key for its hosts.
    """

    name: str
    about: str
    owners: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    window: float = inf
    prefix: str = ""
    limit: str = "max_tokens"
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False)
    counts: bool = True
    counts_early: bool = False
    schema: bool = True
    stops: bool = True
    pads: float = 0.0
    remembers: tuple[int, int] | None = None
    marks: bool = True
    ours: bool = False
    key_variable: str = ""

    def padded(self, seconds: float) -> float:
        """Return as how long a clip the model hears one of so many seconds."""
        return self.pads * (seconds // self.pads + 1) if self.pads else seconds

    def hosts_it(self, host: str) -> bool:
        """Whether a host is one of this provider."""
        return any(host == name or host.endswith(f".{name}") for name in self.hosts)


DIALECTS = {
    row.name: row
    for row in (
        Dialect(
            name="vllm",
            about="vLLM, alone or behind vllm-router",
            owners=("vllm",),
            window=600.0,  # VLLM_MAX_AUDIO_DECODE_DURATION_S
            counts_early=True,
            remembers=(0, 12),
        ),
        Dialect(
            name="sglang",
            about="SGLang",
            owners=("sglang",),
            window=1800.0,  # 64 MB of WAV
            counts_early=True,
        ),
        Dialect(
            name="transformers",
            about="`transformers serve`",
            # It overlooks what it doesn't know, a schema too, and counts without being asked. Stop
            # texts make it fail where the model has a processor, as all that hear have.
            counts=False,
            schema=False,
            stops=False,
        ),
        Dialect(
            name="llamacpp",
            about="llama-server of llama.cpp",
            owners=("llamacpp",),
            pads=30.0,
        ),
        Dialect(
            name="qwa",
            about="`qwa serve`",
            owners=("qwen-audio-tools",),
            window=1800.0,
            ours=True,
            marks=False,  # it breaks them up itself, by the tokens of the model
        ),
        Dialect(
            name="dashscope",
            about="Model Studio (DashScope) in compatible mode",
            hosts=("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "maas.aliyuncs.com"),
            window=180.0,
            prefix="data:;base64,",
            fields={"modalities": ["text"]},
            schema=False,
            key_variable="DASHSCOPE_API_KEY",
        ),
        Dialect(
            name="openai",
            about="OpenAI itself",
            hosts=("api.openai.com",),
            window=600.0,
            limit="max_completion_tokens",
            fields={"modalities": ["text"]},
            marks=False,
            key_variable="OPENAI_API_KEY",
        ),
        Dialect(name="compatible", about="any other, by what all of them understand"),
    )
}
PLAIN = DIALECTS["compatible"]


def hosting(host: str) -> Dialect | None:
    """Return the provider that a host belongs to."""
    return next((row for row in DIALECTS.values() if row.hosts_it(host)), None)


def chosen(name: str) -> Dialect | None:
    """Return the dialect of that name; None for "auto", which leaves it to the server.

    Raises:
        SettingsError: there is no such dialect.
    """
    if name == "auto":
        return None
    if name not in DIALECTS:
        raise SettingsError(
            f"server_dialect cannot be {name!r}: it is auto or one of {', '.join(DIALECTS)}",
            hint="auto asks the server itself",
        )
    return DIALECTS[name]


def spoken_by(owner: str, listing: Mapping[str, Any]) -> Dialect:
    """Return the dialect of a server by what it says of one of its models."""
    for row in DIALECTS.values():
        if owner in row.owners:
            return row
    # `transformers serve` names the model's owner, but tells whether the model is in memory.
    if isinstance(listing.get("status"), Mapping):
        return DIALECTS["transformers"]
    return PLAIN

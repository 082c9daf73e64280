"""The models that this engine runs, and where they differ. Nothing heavy is imported here."""

from dataclasses import dataclass

_HOME = "qwen_audio_tools.engines.transformers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A row of the table: models of one `model_type` in their config.json.

    `window` is the longest clip in seconds, `clips` the most clips in a conversation (None: no
    limit of its own), `chats` whether it converses or only transcribes. `adapter` and `read` are
    "module:name"; `read` makes Segments of the model's own notation, where it has one.
    """

    model_type: str
    model_class: str  # in transformers
    adapter: str
    window: float
    tokens_per_second: float
    example: str  # a checkpoint of it
    clips: int | None = None
    chats: bool = True
    read: str = ""


FAMILIES = {
    row.model_type: row
    for row in (
        Family(
            model_type="qwen2_audio",
            model_class="Qwen2AudioForConditionalGeneration",
            adapter=f"{_HOME}.qwen2_audio:Qwen2Audio",
            window=30.0,
            tokens_per_second=25.0,
            example="Qwen/Qwen2-Audio-7B-Instruct",
        ),
    )
}

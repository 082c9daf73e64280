"""A model that the caller has loaded, told to the engine as one of its own."""

from typing import Any

from qwen_audio_tools.engines.families import FAMILIES
from qwen_audio_tools.engines.transformers.loading import versions
from qwen_audio_tools.engines.transformers.loading.checkpoint import Checkpoint
from qwen_audio_tools.engines.transformers.loading.model_loading import Loaded
from qwen_audio_tools.engines.transformers.loading.placement import Placement
from qwen_audio_tools.errors import SettingsError
from qwen_audio_tools.settings import Settings


def given(model: Any, processor: Any, settings: Settings) -> Loaded:
    """Return a model and its processor as if they had been loaded here.

    Raises:
        SettingsError: it is no model of a family that this engine knows.
        MissingExtra: this transformers doesn't run the family right.
    """
    config = model.config
    if config.model_type not in FAMILIES:
        raise SettingsError(
            f"{type(model).__name__} is no audio model that this engine runs;"
            f" it runs {', '.join(FAMILIES)}"
        )
    family, name = FAMILIES[config.model_type], config.name_or_path or type(model).__name__
    versions.check(family, name)
    checkpoint = Checkpoint(
        name=name,
        folder=None,
        config=config.to_dict(),
        family=family,
        base=settings.prompting == "base",
    )
    processor.tokenizer.padding_side = "left"
    placement = Placement(
        device=str(model.device),
        dtype=str(model.dtype).removeprefix("torch."),
        attention=str(config._attn_implementation),
        quantize="none",
    )
    return Loaded(
        model=model.eval(), processor=processor, checkpoint=checkpoint, placement=placement
    )

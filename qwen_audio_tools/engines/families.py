"""The audio models that are known, and where they differ. Nothing heavy is imported here."""

import re
from dataclasses import dataclass
from pathlib import Path

from qwen_audio_tools.tasks import Ability

_HOME = "qwen_audio_tools.engines.transformers"
_SIBLING = f"{_HOME}.siblings.sibling:Sibling"
_READ = "qwen_audio_tools.engines.notations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A row of the table: models of one `model_type` in their config.json.

    `window` is the longest clip in seconds, `clips` the most clips in a conversation (None: no
    limit of its own), `chats` whether it converses or only transcribes; then `words` is what a
    request to transcribe says beside the clip.

    `adapter`, `processor` and `read` are "module:name". `read` makes Segments of the model's own
    notation, where it has one: `read(text, seconds of the clip) -> tuple[Segment, ...]`, times from
    its start; `speakers` is whether it notes who spoke when. The others are for the transformers
    engine: `processor` makes, of a folder, what stands in for the family's own processor;
    `attends` is the one part of the config that a way of attention can be chosen for, where the
    others have none; `since` is the first transformers that all of its tests passed with.
    """

    model_type: str
    model_class: str  # in transformers
    adapter: str = _SIBLING
    window: float
    tokens_per_second: float
    example: str  # a checkpoint of it
    since: str = "5.11"  # 5.10 ties the weights of the head: Qwen2-Audio answers nothing
    clips: int | None = None
    chats: bool = True
    words: str = ""
    attends: str = ""
    processor: str = ""
    read: str = ""
    speakers: bool = False


ALIGNED = 300.0
"""Seconds that Qwen3's forced aligner was made for (its model card)."""

# Windows are what a model's own processor takes whole, or less where its makers say less; facts
# that its config.json doesn't hold. Two models that transformers has are missing: Fun-ASR-Nano,
# whose processor needs torchaudio, and Nemotron 3.5 Transcribe, whose Mamba layers keep a state
# that can't be cut where prompts part.
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
        Family(
            model_type="qwen2_5_omni",
            model_class="Qwen2_5OmniThinkerForConditionalGeneration",
            processor=f"{_HOME}.siblings.omni:qwen2_5_ears",
            window=300.0,
            tokens_per_second=25.0,
            example="Qwen/Qwen2.5-Omni-7B",
            since="5.21",
        ),
        Family(
            model_type="qwen3_omni_moe",
            model_class="Qwen3OmniMoeThinkerForConditionalGeneration",
            processor=f"{_HOME}.siblings.omni:qwen3_ears",
            window=1200.0,
            tokens_per_second=13.0,
            example="Qwen/Qwen3-Omni-30B-A3B-Instruct",
            since="5.21",
        ),
        Family(
            model_type="qwen3_asr",
            model_class="Qwen3ASRForConditionalGeneration",
            window=1200.0,
            tokens_per_second=13.0,
            example="Qwen/Qwen3-ASR-1.7B-hf",
            since="5.13",
            clips=1,
            chats=False,
            read=f"{_READ}:read_language",
        ),
        Family(
            model_type="voxtral",
            model_class="VoxtralForConditionalGeneration",
            adapter=f"{_HOME}.siblings.voxtral:Voxtral",
            processor=f"{_HOME}.siblings.voxtral:VoxtralEars",
            window=1800.0,
            tokens_per_second=12.5,
            example="mistralai/Voxtral-Mini-3B-2507",
        ),
        Family(
            model_type="audioflamingo3",
            model_class="AudioFlamingo3ForConditionalGeneration",
            window=600.0,
            tokens_per_second=25.0,
            example="nvidia/audio-flamingo-3-hf",
            clips=1,
        ),
        Family(
            model_type="musicflamingo",
            model_class="MusicFlamingoForConditionalGeneration",
            window=1200.0,
            tokens_per_second=25.0,
            example="nvidia/music-flamingo-2601-hf",
            since="5.20",
            clips=1,
        ),
        Family(
            model_type="glmasr",
            model_class="GlmAsrForConditionalGeneration",
            window=655.0,
            tokens_per_second=12.5,
            example="zai-org/GLM-ASR-Nano-2512",
            clips=1,
            chats=False,
            words="Please transcribe this audio into text",
        ),
        Family(
            model_type="vibevoice_asr",
            model_class="VibeVoiceAsrForConditionalGeneration",
            window=3600.0,
            tokens_per_second=7.5,
            example="microsoft/VibeVoice-ASR-HF",
            since="5.23",
            clips=1,
            chats=False,
            attends="text_config",
            read=f"{_READ}:read_json_turns",
            speakers=True,
        ),
        Family(
            model_type="moss_transcribe_diarize",
            model_class="MossTranscribeDiarizeForConditionalGeneration",
            window=3600.0,
            tokens_per_second=12.5,
            example="hf-audio/MOSS-Transcribe-Diarize-HF",
            since="5.20",
            clips=1,
            chats=False,
            read=f"{_READ}:read_marked_turns",
            speakers=True,
        ),
    )
}


def window(family: Family, aligner: str) -> float:
    """Return the longest clip in seconds that is heard at once.

    Where an aligner gives the words their times it is no longer than what that takes.
    """
    return min(family.window, ALIGNED) if aligner else family.window


_HEARS = frozenset(
    {Ability.TRANSCRIBE, Ability.TRANSLATE, Ability.SOUNDS, Ability.VOICE, Ability.MUSIC}
)
_BASE = re.compile(r"Qwen2-Audio-\d+B")


def abilities(family: Family | None, *, base: bool = False) -> frozenset[Ability]:
    """Return what a model can do; one of no known family is taken to converse and to hear."""
    if family is None:
        return _HEARS | {Ability.CHAT}
    found = set(_HEARS if family.chats else {Ability.TRANSCRIBE})
    if family.chats and not base:
        found.add(Ability.CHAT)
    if family.speakers:
        found |= {Ability.SPEAKERS, Ability.TIMES}
    return frozenset(found)


def named(model: str) -> Family | None:
    """Return the family that the name of a model reminds of, None if of none."""
    plain = _plain(model)
    for family in FAMILIES.values():
        beginning = "-".join(family.example.partition("/")[2].split("-")[:2])
        if _plain(beginning) in plain or _plain(family.model_type) in plain:
            return family
    return None


def is_base(model: str) -> bool:
    """Whether a model, by its name or folder, is one that only continues raw task prompts."""
    parts = Path(model).parts
    # The cache of a hub: models--Qwen--Qwen2-Audio-7B/snapshots/<commit>
    names = [*parts[-1:], *(part.split("--")[-1] for part in parts if "--" in part)]
    return any(_BASE.fullmatch(name) for name in names)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())

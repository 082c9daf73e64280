"""Made audio for tests, ours and those of users: speech, sounds, music, scenes, files of any kind."""

from qwen_audio_tools.testing.made_music import guitar, piano
from qwen_audio_tools.testing.made_scenes import mix, sequence
from qwen_audio_tools.testing.made_signals import chirp, pink_noise, silence, tone, white_noise
from qwen_audio_tools.testing.made_sounds import (
    alarm_clock,
    applause,
    bicycle_bell,
    church_bell,
    clapping,
    clock_ticking,
    dog_bark,
    doorbell,
    engine_idling,
    glass_breaking,
    rain,
    siren,
    smoke_alarm,
    telephone,
    whistle,
)
from qwen_audio_tools.testing.made_speech import RATE, speech

__all__ = [
    "RATE",
    "alarm_clock",
    "applause",
    "bicycle_bell",
    "chirp",
    "church_bell",
    "clapping",
    "clock_ticking",
    "dog_bark",
    "doorbell",
    "engine_idling",
    "glass_breaking",
    "guitar",
    "mix",
    "piano",
    "pink_noise",
    "rain",
    "sequence",
    "silence",
    "siren",
    "smoke_alarm",
    "speech",
    "telephone",
    "tone",
    "whistle",
    "white_noise",
]

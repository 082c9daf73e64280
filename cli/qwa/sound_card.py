"""The sound card, by the package sounddevice: looked for when it is needed, and not before."""

from typing import TYPE_CHECKING, Any

from qwen_audio_tools.errors import ClipUnreadable, MissingExtra

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Clip


def sound_card(purpose: str) -> Any:
    """Return the module `sounddevice`; `purpose` begins the message if it isn't here.

    Raises:
        MissingExtra: the package, or the C library below it, is not installed.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise MissingExtra(
            f"{purpose}, the package 'sounddevice' is needed",
            hint="pip install 'qwen-audio-tools[record]'",
        ) from error
    except OSError as error:  # the package is there, the C library below it is not
        raise MissingExtra(
            f"{purpose}, sounddevice needs the PortAudio library",
            hint="apt-get install libportaudio2, or what your system calls it",
        ) from error
    return sounddevice


def play(clip: "Clip") -> None:
    """Play a clip to its end.

    Raises:
        MissingExtra: as `sound_card`.
        ClipUnreadable: there is nothing to play it on.
        ClipError: it can't be decoded.
    """
    from qwen_audio_tools.decoding.limits import RATE

    sounddevice = sound_card("to play")
    samples = clip.samples()
    try:
        sounddevice.play(samples, RATE)
        sounddevice.wait()
    except (sounddevice.PortAudioError, ValueError, OSError) as error:
        raise ClipUnreadable(
            f"the sound can't be played: {error}", hint="python -m sounddevice lists the devices"
        ) from error

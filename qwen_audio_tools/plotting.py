"""Draw a clip as waveform and log-mel, with speech and sounds marked, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from qwen_audio_tools.decoding.limits import RATE
from qwen_audio_tools.errors import MissingExtra
from qwen_audio_tools.spans import Span

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qwen_audio_tools.clip import Clip, Samples

    Floats = npt.NDArray[np.float64]

_COLUMNS = 1600
_MELS = 80
_FFT = 512


class Sound(Protocol):
    """A sound event: `label`, and `start` and `end` in seconds of the clip."""

    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def start(self) -> float: ...  # noqa: D102
    @property
    def end(self) -> float: ...  # noqa: D102


def plot(
    clip: Clip, path: str | Path, speech: Iterable[Span] = (), sounds: Iterable[Sound] = ()
) -> None:
    """Write a picture (png, svg or pdf by the name's end), replacing it only when it is complete.

    Raises:
        MissingExtra: matplotlib is not installed.
        ClipError: the clip can't be decoded.
    """
    figure_class = _figure_class()
    low, high, mel = _columns(clip)
    seconds = clip.duration
    figure = figure_class(figsize=(14, 6), layout="constrained")
    wave, image = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    edges = [seconds * column / len(low) for column in range(len(low))]
    wave.fill_between(edges, low, high, linewidth=0.3, color="#30507a")
    wave.set(ylim=(-1, 1), ylabel="amplitude", title=_plain(Path(clip.name).name))
    image.imshow(mel.T, origin="lower", aspect="auto", extent=(0, seconds, 0, _MELS), cmap="magma")
    ticks = [250, 500, 1000, 2000, 4000]
    image.set_yticks([_mel(hz) / _mel(RATE / 2) * _MELS for hz in ticks], [str(hz) for hz in ticks])
    image.set(xlabel="seconds", ylabel="Hz", xlim=(0, seconds))
    _mark(wave, image, speech, sounds)
    _save(figure, Path(path))


def _figure_class() -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(
            "drawing needs matplotlib, which is not installed",
            hint='pip install "qwen-audio-tools[plot]"',
        ) from error

    def figure(**options: Any) -> Any:
        made = Figure(**options)
        FigureCanvasAgg(made)  # no pyplot: it keeps global state, and may want a display
        return made

    return figure


def _mark(wave: Any, image: Any, speech: Iterable[Span], sounds: Iterable[Sound]) -> None:
    for span in speech:
        wave.axvspan(span.start, span.end, color="#3a9a4a", alpha=0.25, linewidth=0)
    for row, sound in enumerate(sorted(sounds, key=lambda sound: sound.start)):
        height = _MELS - 4 - row % 6 * 6
        image.plot([sound.start, sound.end], [height, height], color="#7fe0ff", linewidth=2)
        image.text(sound.start, height + 0.8, _plain(sound.label), color="white", fontsize=8)


def _plain(text: str) -> str:
    return text.replace("$", r"\$").encode("ascii", "replace").decode()


def _save(figure: Any, path: Path) -> None:
    from qwen_audio_tools.replacing import replaced

    with replaced(path) as fresh:
        figure.savefig(fresh, format=path.suffix.lstrip(".").lower() or "png", dpi=110)


def _columns(clip: Clip) -> tuple[Floats, Floats, Floats]:
    """Return lowest and highest sample and mean log-mel of each column of the picture."""
    import numpy as np

    total = max(1, round(clip.duration * RATE))
    count = max(1, min(_COLUMNS, total // 160))
    step = -(-total // count)
    # Long recordings are sampled: half a second of spectrum stands for its column.
    looked = min(step, RATE // 2)
    low, high, mel = [], [], []
    bank = _mel_bank()
    for block in clip.blocks(step / RATE):
        low.append(float(block.min()))
        high.append(float(block.max()))
        mel.append(_log_mel(block[:looked], bank))
    return np.asarray(low), np.asarray(high), np.asarray(mel)


def _log_mel(block: Samples, bank: Floats) -> Floats:
    import numpy as np

    padded = np.pad(block, (0, max(0, _FFT - len(block))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::160]
    power = np.abs(np.fft.rfft(frames * np.hanning(_FFT), axis=1)) ** 2
    result: Floats = np.log10(np.maximum(power.mean(axis=0) @ bank.T, 1e-7))
    return result


def _mel(hertz: float) -> float:
    import math

    return 2595 * math.log10(1 + hertz / 700)


def _mel_bank() -> Floats:
    """Return triangles that are even on the mel scale (O'Shaughnessy 1987), (mels, bins)."""
    import numpy as np

    points = 700 * (10 ** (np.linspace(0, _mel(RATE / 2), _MELS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(_FFT, 1 / RATE)
    left, middle, right = points[:-2, None], points[1:-1, None], points[2:, None]
    rising, falling = (bins - left) / (middle - left), (right - bins) / (right - middle)
    bank: Floats = np.maximum(0, np.minimum(rising, falling))
    # The lowest triangles are narrower than a bin: each takes its nearest one at least.
    nearest = np.abs(bins - middle).argmin(axis=1)
    bank[np.arange(_MELS), nearest] = np.maximum(bank[np.arange(_MELS), nearest], 0.3)
    return bank

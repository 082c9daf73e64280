import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest

from qwen_audio_tools.engines.embedded import weights
from qwen_audio_tools.engines.embedded.voices.speaker_encoder import SpeakerEncoder, mel_power
from qwen_audio_tools.engines.embedded.voices.speakers import (
    SpeakerMeter,
    SpeakerTurns,
    speaker_turns,
)
from qwen_audio_tools.engines.embedded.voices.torch_tensors import read_tensors
from qwen_audio_tools.engines.embedded.voices.turns import windows_of
from qwen_audio_tools.engines.embedded.voices.voice_clusters import cluster
from qwen_audio_tools.errors import WeightsMissing
from qwen_audio_tools.spans import Span
from qwen_audio_tools.testing import speech

PLAN = "The committee will meet again on Thursday to discuss the new plan for the river."
COFFEE = "Everybody is invited to come and ask questions, and coffee will be served."


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    return SpeakerEncoder()


@pytest.fixture(scope="module")
def man() -> np.ndarray:
    return speech(PLAN, voice="en-us")


@pytest.fixture(scope="module")
def woman() -> np.ndarray:
    return speech(COFFEE, voice="en-us+f3")


def dialogue(*parts: np.ndarray) -> tuple[np.ndarray, list[Span]]:
    sound, spans, at = [], [], 0.0
    for part in parts:
        spans.append(Span(at, at + len(part) / 16_000))
        sound += [part, np.zeros(8000, np.float32)]
        at = spans[-1].end + 0.5
    return np.concatenate(sound), spans


def test_one_voice_is_one_speaker(man: np.ndarray) -> None:
    found = speaker_turns(*dialogue(man, speech(COFFEE, voice="en-us")))
    assert found.count == 1
    assert found.wording() == "one voice"
    assert {turn.speaker for turn in found.turns} == {"S1"}


def test_two_voices_are_two_and_a_returning_voice_keeps_its_name(
    man: np.ndarray, woman: np.ndarray
) -> None:
    found = speaker_turns(*dialogue(man, woman, speech(COFFEE, voice="en-us")))
    assert found.count == 2
    assert [turn.speaker for turn in found.turns] == ["S1", "S2", "S1"]
    assert found.wording().startswith("at least two")
    assert found.certainty > 0.6


def test_a_change_without_a_pause_is_placed_within_a_second(
    man: np.ndarray, woman: np.ndarray
) -> None:
    found = speaker_turns(np.concatenate([man, woman]))
    assert found.count == 2
    assert abs(found.turns[0].end - len(man) / 16_000) < 1.0


def test_the_voice_of_a_span_is_the_one_that_fills_it(man: np.ndarray, woman: np.ndarray) -> None:
    sound, spans = dialogue(man, woman)
    found = speaker_turns(sound, spans)
    assert [found.speaker_of(span) for span in spans] == ["S1", "S2"]
    assert found.speaker_of(Span(100.0, 101.0)) is None
    assert set(found.seconds()) == {"S1", "S2"}


def test_block_size_does_not_change_the_turns(
    encoder: SpeakerEncoder, man: np.ndarray, woman: np.ndarray
) -> None:
    sound, spans = dialogue(man, woman)
    results = []
    for block in (1600, 77_777, len(sound)):
        meter = SpeakerMeter(spans, encoder=encoder)
        for at in range(0, len(sound), block):
            meter.feed(sound[at : at + block])
        results.append(meter.finish())
    assert results[0] == results[1] == results[2]


def test_no_speech_is_no_voice() -> None:
    found = speaker_turns(np.zeros(32_000, np.float32), [])
    assert (found.count, found.turns) == (0, ())
    assert found.wording() == "no voice"


def test_turns_survive_their_arrays(man: np.ndarray) -> None:
    found = speaker_turns(man)
    assert SpeakerTurns.from_arrays(found.to_arrays()) == found


def test_windows_cover_their_span_and_stay_inside() -> None:
    for seconds in (0.5, 1.6, 1.7, 2.4, 10.3):
        windows = windows_of(Span(3.0, 3.0 + seconds))
        assert windows[0].start == 3.0
        assert windows[-1].end == pytest.approx(3.0 + seconds)
        assert all(b.start - a.start <= 0.8 + 1e-9 for a, b in itertools.pairwise(windows))


def test_level_does_not_change_a_voice(encoder: SpeakerEncoder, man: np.ndarray) -> None:
    window = man[8000:33_600]
    loud, soft = encoder.encode([window, window * np.float32(0.02)])
    assert float(loud @ soft) > 0.999


def test_the_graph_computes_what_the_formulas_of_lstm_say(
    encoder: SpeakerEncoder, man: np.ndarray
) -> None:
    tensors = read_tensors(weights.folder("speaker-encoder") / "pretrained.pt")
    sequence = mel_power(man[:25_600])

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return np.asarray(1.0 / (1.0 + np.exp(-x)))

    for layer in range(3):
        inward, across = (tensors[f"lstm.weight_{kind}_l{layer}"] for kind in ("ih", "hh"))
        bias = tensors[f"lstm.bias_ih_l{layer}"] + tensors[f"lstm.bias_hh_l{layer}"]
        hidden, cell, states = np.zeros(256), np.zeros(256), []
        for frame in sequence:
            entry, forget, new, out = np.split(inward @ frame + across @ hidden + bias, 4)
            cell = sigmoid(forget) * cell + sigmoid(entry) * np.tanh(new)
            hidden = sigmoid(out) * np.tanh(cell)
            states.append(hidden)
        sequence = np.stack(states)
    vector = np.maximum(tensors["linear.weight"] @ sequence[-1] + tensors["linear.bias"], 0.0)
    expected = vector / np.linalg.norm(vector)
    assert np.abs(encoder.encode([man[:25_600]])[0] - expected).max() < 1e-4


def test_long_recordings_are_grouped_in_stages() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 900)
    vectors = random.standard_normal((3, 64))[truth] + 0.3 * random.standard_normal((2700, 64))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert np.array_equal(cluster(vectors.astype(np.float32)), truth)


def test_a_single_stray_vector_is_no_voice_of_its_own() -> None:
    voice, other = np.eye(2, dtype=np.float32)
    assert cluster(np.stack([voice, voice, other, voice])).max() == 0


def test_a_checkpoint_that_names_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    with path.open("wb") as file:
        for part in (0x1950A86A20F9469CFC6C, 1001, {}, {"model_state": Path}):
            pickle.dump(part, file)
    with pytest.raises(WeightsMissing, match="refused pathlib"):
        read_tensors(path)


@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps(7)])
def test_a_damaged_checkpoint_is_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsMissing, match=r"broken\.pt"):
        read_tensors(path)

"""Transcription of made speech with known words: words, times, languages, order, and the guard."""

import difflib
import re
import threading

import ctranslate2
import numpy as np
import pytest

from qwen_audio_tools.engines.embedded import weights
from qwen_audio_tools.engines.embedded.speech import whisper_guard
from qwen_audio_tools.engines.embedded.speech.transcription import Transcriber
from qwen_audio_tools.engines.embedded.speech.whisper_languages import LanguageVote
from qwen_audio_tools.engines.embedded.speech.whisper_mel import log_mel
from qwen_audio_tools.engines.embedded.speech.whisper_tokens import Piece, Vocabulary
from qwen_audio_tools.errors import EngineRefused, SettingsError, WeightsMissing
from qwen_audio_tools.testing import speech, white_noise

RATE = 16_000
BREAD = "Good morning. Today we bake a simple loaf of bread together."
TRAIN = "The train to the coast leaves at seven in the morning."
WINDOWS = "The children slept better when the windows were open."


@pytest.fixture(scope="module")
def transcriber():
    return Transcriber()


@pytest.fixture(scope="module")
def bread():
    return speech(BREAD)


def alike(heard, said):
    plain = [re.sub(r"[^a-z ]", "", text.lower()).split() for text in (heard, said)]
    return difflib.SequenceMatcher(None, *plain).ratio()


def test_the_known_words_are_heard(transcriber, bread):
    found = transcriber.transcribe_samples(bread)
    assert alike(found.text, BREAD) > 0.75
    assert found.language == "en"
    assert found.duration == pytest.approx(len(bread) / RATE)
    assert all(0 < segment.confidence <= 1 for segment in found.segments)


def test_times_are_of_the_recording_in_order_and_within_the_window(transcriber, bread):
    (window,) = transcriber.transcribe([(100.0, bread)])
    assert window.span.start == 100.0
    assert window.span.end == pytest.approx(100.0 + len(bread) / RATE)
    times = [time for segment in window.segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert times[0] >= 100.0
    assert times[-1] <= window.span.end + 0.001
    assert window.language_score > 0.5
    assert not window.doubtful


def test_windows_come_back_in_order_while_the_source_is_still_read(transcriber, bread):
    read = []

    def source():
        for number, text in enumerate([BREAD, TRAIN, WINDOWS, BREAD, TRAIN, WINDOWS]):
            read.append(number)
            yield 10.0 * number, speech(text) if number % 3 else bread

    stream = transcriber.transcribe(source(), language="en")
    first = next(stream)
    assert alike(first.segments[0].text, BREAD) > 0.3
    assert len(read) < 6
    rest = list(stream)
    assert [window.span.start for window in (first, *rest)] == [0, 10, 20, 30, 40, 50]
    assert alike(" ".join(segment.text for segment in rest[1].segments), WINDOWS) > 0.6


def test_two_windows_are_never_encoded_at_once(bread, monkeypatch):
    """Two encoders at once took twice the memory, by chance: rarely in a short recording."""
    encode = ctranslate2.models.Whisper.encode
    encoding, seen = set(), []

    def counted(self, *arguments, **settings):
        encoding.add(threading.get_ident())
        seen.append(len(encoding))
        try:
            return encode(self, *arguments, **settings)
        finally:
            encoding.discard(threading.get_ident())

    monkeypatch.setattr(ctranslate2.models.Whisper, "encode", counted)
    windows = [(10.0 * number, bread) for number in range(8)]
    assert len(list(Transcriber(workers=2, threads=1).transcribe(windows, language="en"))) == 8
    assert len(seen) >= 8
    assert max(seen) == 1


def test_the_same_audio_gives_the_same_words(transcriber, bread):
    assert transcriber.transcribe_samples(bread) == transcriber.transcribe_samples(bread)


def test_silence_and_noise_give_no_words_and_load_nothing():
    idle = Transcriber(model="/nowhere/at/all")  # loading it would be an error
    assert idle.transcribe_samples(np.zeros(3 * RATE, np.float32)).segments == ()
    assert idle.transcribe_samples(white_noise(3.0)).segments == ()
    assert list(idle.transcribe([])) == []


@pytest.mark.parametrize(
    ("voice", "code", "text"),
    [
        ("es", "es", "Buenos días. Mañana vamos a la playa con toda la familia."),
        ("de", "de", "Guten Morgen. Heute backen wir zusammen ein einfaches Brot."),
    ],
)
def test_the_language_is_heard(transcriber, voice, code, text):
    found = transcriber.words([(0.0, speech(text, voice=voice))])
    assert found.language == code
    assert found.language_score > 0.3  # espeak has an accent


def test_chinese_comes_in_simplified_characters(transcriber):
    samples = speech("我们今天学习汉语，时间过得很快。", voice="cmn")
    text = transcriber.transcribe_samples(samples, language="zh").text
    assert re.search(r"[\u4e00-\u9fff]", text)
    assert not set(text) & set("們學習漢語時間過")


def test_translation_gives_english(transcriber):
    samples = speech("Buenos días. El tren sale a las siete de la mañana.", voice="es")
    found = transcriber.words([(0.0, samples)], language="es", translate=True)
    assert found.language == "es"
    assert re.search(r"train|morning|seven", found.text.lower())


def test_a_language_that_it_lacks_is_named(transcriber, bread):
    with pytest.raises(SettingsError, match="'xx'"):
        list(transcriber.transcribe([(0.0, bread)], language="xx"))


def test_a_window_over_thirty_seconds_loses_nothing(transcriber):
    gap = np.zeros(RATE, np.float32)
    samples = np.concatenate([part for _ in range(3) for part in (
        speech(BREAD), gap, speech(TRAIN), gap, speech(WINDOWS), gap)])  # fmt: skip
    assert len(samples) > 32 * RATE
    heard = list(transcriber.transcribe([(5.0, samples)]))
    assert len(heard) > 1
    text = " ".join(segment.text for window in heard for segment in window.segments).lower()
    assert text.count("children") == 3
    assert heard[-1].span.end <= 5.0 + len(samples) / RATE + 0.01


def test_closing_the_iterator_stops_the_reading(transcriber, bread):
    read = []

    def source():
        for number in range(100):
            read.append(number)
            yield 10.0 * number, bread

    stream = transcriber.transcribe(source(), language="en")
    next(stream)
    stream.close()
    assert len(read) < 12


def test_a_folder_that_is_no_model_is_named(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"no model")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(WeightsMissing, match="vocabulary"):
        list(Transcriber(tmp_path).transcribe([(0.0, np.zeros(RATE, np.float32))]))
    vocabulary = weights.folder("whisper-base") / "vocabulary.txt"
    (tmp_path / "vocabulary.txt").write_bytes(vocabulary.read_bytes())
    with pytest.raises(EngineRefused, match=r"can't be loaded"):
        list(Transcriber(tmp_path).transcribe([(0.0, np.zeros(RATE, np.float32))]))


def test_log_mel_equals_the_reference(bread):
    from faster_whisper.feature_extractor import FeatureExtractor

    theirs = FeatureExtractor()(bread, padding=0)
    frames = theirs.shape[1]
    ours = log_mel(bread, frames + 50)
    assert np.abs(ours[:, : frames - 2] - theirs[:, : frames - 2]).max() < 1e-3
    assert not ours[:, frames + 1 :].any()


@pytest.mark.parametrize("count", [0, 1, 100, 399, 400])
def test_log_mel_takes_crumbs(count):
    mel = log_mel(np.full(count, 0.1, np.float32), 100)
    assert mel.shape == (80, 100)
    assert np.isfinite(mel).all()


def test_vocabulary_reads_text_as_the_tokenizer_does():
    import tokenizers

    folder = weights.folder("whisper-base")
    theirs = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    ours = Vocabulary(folder)
    for text in (" Hello, world!", "你好，世界。", " Grüße aus Köln", " 🎉"):
        assert ours.text(theirs.encode(text, add_special_tokens=False).ids) == text
    assert ours.tokens[ours.end] == "<|endoftext|>"
    assert {"en", "zh", "es"} <= ours.languages
    assert "transcribe" not in ours.languages


def test_pieces_carry_the_times_of_their_tokens():
    ours = Vocabulary(weights.folder("whisper-base"))
    word, zero = ours.ids["Ġbread"], ours.first_time
    ids = [zero, word, zero + 50, zero + 60, word, word, zero + 100, zero + 100, word]
    assert ours.pieces(ids) == [
        Piece(0.0, 1.0, "bread"),
        Piece(1.2, 2.0, "bread bread"),
        Piece(2.0, None, "bread"),
    ]


def test_the_guard_knows_loops_and_haste():
    calm = [Piece(0.0, 4.0, "Today we talk about bread.")]
    assert whisper_guard.makes_sense(calm, [1, 2, 3, 4, 5, 6], 4.0, -0.3)
    assert not whisper_guard.makes_sense([], [], 4.0, -0.3)
    assert not whisper_guard.makes_sense(calm, [1, 2, 3], 4.0, -1.4)
    assert not whisper_guard.makes_sense(calm, [1, 2, 3] * 6, 4.0, -0.1)
    assert not whisper_guard.makes_sense([Piece(0.0, 0.2, "x y z " * 9)], [1, 2], 4.0, -0.1)
    assert not whisper_guard.makes_sense([Piece(0.0, 9.0, "again and " * 20)], [1], 9.0, -0.1)


def test_the_first_windows_vote_and_a_clear_change_is_followed():
    vote = LanguageVote(frozenset({"en", "es", "cy"}))
    vote.hear({"cy": 0.5, "en": 0.4}, 1.0)
    assert not vote.is_decided
    vote.hear({"en": 0.9, "cy": 0.05}, 5.0)
    assert vote.main == "en"
    assert vote.of({"cy": 0.5, "en": 0.4}, 5.0) == ("en", 0.4)
    assert vote.of({"es": 0.97, "en": 0.02}, 5.0) == ("es", 0.97)
    assert vote.of({"es": 0.97, "en": 0.02}, 0.5)[0] == "en"


def test_a_change_of_language_is_said(transcriber):
    spanish = speech("Buenos días. Mañana vamos a la playa con toda la familia.", voice="es")
    windows = [(0.0, speech(BREAD)), (10.0, speech(TRAIN)), (20.0, spanish)]
    found = transcriber.words(windows)
    assert found.language == "en"
    assert found.segments[-1].language == "es"
    assert any("'es' at 0:20" in warning for warning in found.warnings)


def test_a_sentence_said_six_times_is_not_written_once(transcriber, bread):
    said = np.concatenate([part for _ in range(6) for part in (bread, np.zeros(8000, np.float32))])
    found = transcriber.words([(0.0, said)])
    assert found.text.lower().count("loaf") >= 5
    times = [segment.start for segment in found.segments]
    assert times == sorted(times)

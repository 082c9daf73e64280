import shutil
from pathlib import Path

import numpy as np
import pytest

from qwen_audio_tools.engines.embedded import weights
from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import (
    WIDTH,
    SentenceEncoder,
    meaning_tables,
    shared_encoder,
)
from qwen_audio_tools.engines.embedded.meaning.word_pieces import WordPieces, normalize

SENTENCES = (
    "What emotion is in the voice?",
    "说话人的情绪是什么？",
    "声が震えている。 ｱｲｳ ①",
    "¿Qué dice la mujer?",
    "한국어 문장입니다.",
    "Это предложение на русском.",
    "  tab\there\nand  blanks ",
    "ﬁve ½ ™ ～ ñ n\u0303 \u200b \ufeff x",
    "😀😀 unknown signs 😀",
    "x" * 100,
)


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return shared_encoder()


@pytest.fixture(scope="module")
def folder() -> Path:
    return weights.folder("sentence-encoder")


def packed_copy(folder: Path, into: Path) -> Path:
    for name in ("sp.model", "weights.npz"):
        shutil.copyfile(folder / name, into / name)
    return into


def test_pieces_are_those_of_sentencepiece(folder: Path) -> None:
    import sentencepiece

    theirs = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sp.model"))
    tables = meaning_tables.load(folder)
    ours = WordPieces(tables.names, tables.numbers, tables.scores)
    for text in (*SENTENCES, "", " "):
        expected = theirs.encode(text, out_type=int, add_bos=True, add_eos=True)
        assert ours.encode(text) == expected, text


def test_normal_form_has_single_blanks_and_no_compatibility_signs() -> None:
    assert normalize(" ﬁve\t①  ｱ ") == "five 1 ア"


def test_vectors_have_length_one_and_repeat_exactly(encoder: SentenceEncoder) -> None:
    first, second = encoder.encode(SENTENCES), encoder.encode(SENTENCES)
    assert first.shape == (len(SENTENCES), WIDTH)
    assert first.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(first, second)


def test_a_sentence_does_not_feel_its_neighbours(encoder: SentenceEncoder) -> None:
    together = encoder.encode(SENTENCES * 8)[: len(SENTENCES)]
    alone = np.concatenate([encoder.encode([text]) for text in SENTENCES])
    np.testing.assert_allclose(together, alone, atol=2e-6)


def test_no_text_and_empty_text_are_allowed(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, WIDTH)
    assert np.isfinite(encoder.encode(["", "   "])).all()


def test_long_text_is_cut_not_refused(encoder: SentenceEncoder) -> None:
    words = "the meeting went on and on " * 5000
    assert np.isfinite(encoder.encode([words])).all()


@pytest.mark.parametrize(
    ("same", "other", "unlike"),
    [
        ("How many people are speaking?", "有几个人在说话？", "有狗吗？"),
        ("Is there a dog?", "¿Hay un perro?", "¿Cuántas personas hablan?"),
        ("She bought three apples.", "她买了三个苹果。", "火车几点开？"),
    ],
)
def test_translations_are_near_and_other_sentences_far(
    encoder: SentenceEncoder, same: str, other: str, unlike: str
) -> None:
    vectors = encoder.encode([same, other, unlike])
    assert vectors[0] @ vectors[1] > 0.6
    assert vectors[0] @ vectors[2] < 0.4


def test_tables_are_unpacked_once_and_read_back_equal(folder: Path, tmp_path: Path) -> None:
    packed_copy(folder, tmp_path)
    first = meaning_tables.load(tmp_path)
    (tmp_path / "weights.npz").write_bytes(b"")  # not needed any more
    second = meaning_tables.load(tmp_path)
    np.testing.assert_array_equal(first.vectors, second.vectors)
    np.testing.assert_array_equal(first.names, second.names)
    np.testing.assert_array_equal(first.numbers, second.numbers)
    np.testing.assert_array_equal(first.scores, second.scores)
    assert not list(tmp_path.glob(".*"))


def test_a_half_written_table_is_made_again(folder: Path, tmp_path: Path) -> None:
    packed_copy(folder, tmp_path)
    meaning_tables.load(tmp_path)
    damaged = next(tmp_path.glob("layers-*.npy"))
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert SentenceEncoder(tmp_path).encode(["hello"]).shape == (1, WIDTH)


def test_a_folder_that_takes_no_files_still_works(
    folder: Path, tmp_path: Path, encoder: SentenceEncoder
) -> None:
    packed_copy(folder, tmp_path)
    # A folder in the place of each file can't be replaced by a file, whoever we are.
    for name in ("vectors", "layers", "scores"):
        (tmp_path / f"{name}-{meaning_tables.VERSION}.npy").mkdir()
    found = SentenceEncoder(tmp_path).encode(["hello"])
    np.testing.assert_allclose(found, encoder.encode(["hello"]), atol=1e-6)

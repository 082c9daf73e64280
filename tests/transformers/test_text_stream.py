"""Text as it comes: its pieces are the whole, no letter is torn, no stop string is seen."""

import random
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from qwen_audio_tools.engines.transformers.generating.text_stream import TextStream
from qwen_audio_tools.errors import SettingsError

WORDS = "Hello, мир! 你好 😀👍🏽 café\n\ufffd done"


@pytest.fixture(scope="module")
def tokenizer(processor: Any) -> Any:
    return processor.tokenizer


@pytest.fixture(scope="module")
def spaced() -> Any:
    """A tokenizer that drops the space before the first word, as SentencePiece does."""
    words = {word: index for index, word in enumerate(["<unk>", "▁a", "▁b", "c", "▁", "</s>"])}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>", eos_token="</s>")


def decoded(tokenizer: Any, ids: list[int]) -> str:
    return tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def pieces(tokenizer: Any, ids: list[int], *stop: str) -> list[str]:
    stream = TextStream(tokenizer, stop)
    return [*(stream.push(token) for token in ids), stream.finish()]


def ids_of(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def test_the_pieces_joined_are_the_text_decoded_at_once(tokenizer):
    ids = ids_of(tokenizer, WORDS)
    assert "".join(pieces(tokenizer, ids)) == decoded(tokenizer, ids) == WORDS


def test_no_piece_ends_inside_a_letter(tokenizer):
    written = pieces(tokenizer, ids_of(tokenizer, "é你😀"))
    assert [piece for piece in written if piece] == ["é", "你", "😀"]


def test_any_ids_whatever_give_the_text_decoded_at_once(tokenizer):
    chance = random.Random(0)
    good = ids_of(tokenizer, WORDS)
    for _ in range(2000):
        ids = [chance.randrange(len(tokenizer)) for _ in range(chance.randrange(40))]
        at = chance.randrange(len(good))
        ids = chance.choice([ids, good[:at] + ids[:2] + good[at:], good[at:] + ids[:3] + good])
        assert "".join(pieces(tokenizer, ids)) == decoded(tokenizer, ids)


def test_control_tokens_are_no_text_even_inside_a_letter(tokenizer):
    start, *rest = ids_of(tokenizer, "你")
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert "".join(pieces(tokenizer, [end, start, end, *rest, end])) == "你"


def test_a_letter_that_never_becomes_whole_is_given_at_the_end(tokenizer):
    *torn, _ = ids_of(tokenizer, "ok😀")
    assert pieces(tokenizer, torn) == ["o", "k", "", "", "", "\ufffd"]


def test_endless_damage_is_given_while_it_comes_and_not_all_held(tokenizer):
    stray = ids_of(tokenizer, "é")[1]
    written = pieces(tokenizer, [stray] * 500)
    assert len(written[-1]) < 10
    assert "".join(written) == "\ufffd" * 500


def test_a_token_costs_the_same_however_long_the_text_is(tokenizer):
    decodes: list[int] = []

    class Counting:
        def decode(self, ids: list[int], **options: Any) -> str:
            decodes.append(len(ids))
            return tokenizer.decode(ids, **options)

    stray = ids_of(tokenizer, "é")[1]
    for ids in (ids_of(tokenizer, "word " * 400), [stray] * 2000):
        decodes.clear()
        pieces(Counting(), ids, "never")
        assert max(decodes) < 32
        assert sum(decodes) < 80 * len(ids)


def test_spaces_between_words_are_kept_where_a_tokenizer_drops_the_first(spaced):
    for ids in ([1, 2, 3], [4, 1, 2], [5, 1, 5, 2, 3, 1], [1, 5, 5, 2]):
        assert "".join(pieces(spaced, ids)) == decoded(spaced, ids)
    assert decoded(spaced, [1, 2, 3]) == "a bc"


def test_the_text_ends_before_the_stop_string_and_none_of_it_is_seen(tokenizer):
    stream = TextStream(tokenizer, ("STOP",))
    written = [stream.push(token) for token in ids_of(tokenizer, "go SToP on STOP never")]
    assert "".join(written) == "go SToP on "
    assert stream.stopped
    assert stream.finish() == ""


def test_what_only_looked_like_a_stop_string_is_given_after_all(tokenizer):
    written = pieces(tokenizer, ids_of(tokenizer, "a ST"), "STOP")
    assert written == ["a", " ", "", "", "ST"]


def test_a_beginning_inside_a_beginning_is_not_overlooked(tokenizer):
    assert "".join(pieces(tokenizer, ids_of(tokenizer, "aaab!"), "aab")) == "a"


def test_the_stop_string_that_is_complete_first_counts(tokenizer):
    assert "".join(pieces(tokenizer, ids_of(tokenizer, "xabcdy"), "abcd", "bc")) == "xa"


def test_where_the_tokens_are_cut_does_not_change_where_the_text_stops(tokenizer, spaced):
    # " b" is one token here: the stop string begins and ends inside of tokens.
    assert "".join(pieces(spaced, [1, 2, 3, 1], " b")) == "a"
    chance = random.Random(1)
    for _ in range(300):
        text = "".join(chance.choice("ab你") for _ in range(30))
        stops = ["".join(chance.choice("ab你") for _ in range(size)) for size in (2, 3, 5)]
        ends = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
        wanted = text[: min(ends)[1]] if ends else text
        assert "".join(pieces(tokenizer, ids_of(tokenizer, text), *stops)) == wanted


def test_an_empty_stop_string_is_refused(tokenizer):
    with pytest.raises(SettingsError, match="empty"):
        TextStream(tokenizer, ("",))
